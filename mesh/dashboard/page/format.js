/** @param {number | null | undefined} ms */
export function duration(ms) {
  if (ms === null || ms === undefined) return '–';
  if (ms < 9.95) return `${ms.toFixed(1)} ms`;
  if (ms < 999.5) return `${ms.toFixed(0)} ms`;
  return `${(ms / 1000).toFixed(ms < 9_950 ? 1 : 0)} s`;
}

/** @param {number | null | undefined} value a second */
export function rate(value) {
  if (value === null || value === undefined) return '–';
  if (value === 0) return '0';
  return value < 9.95 ? value.toFixed(1) : value.toFixed(0);
}

/**
 * A part as percent; never rounded to 100 % while something is missing.
 *
 * @param {number | undefined} part of 1
 */
export function percent(part) {
  if (part === undefined || Number.isNaN(part)) return '–';
  if (part === 1 || part === 0) return `${part * 100} %`;
  return `${(Math.floor(part * 1000) / 10).toFixed(1)} %`;
}

/** @param {number | null | undefined} bytes */
export function mebibytes(bytes) {
  return bytes === null || bytes === undefined ? '–' : `${(bytes / 1024 / 1024).toFixed(0)} MiB`;
}

/** @param {number | null | undefined} value of a core */
export function cpu(value) {
  return value === null || value === undefined ? '–' : `${value.toFixed(0)} %`;
}

/** @param {number} since milliseconds since the epoch; 0: it is down */
export function uptime(since, now = Date.now()) {
  if (since === 0) return '–';
  const seconds = Math.max(0, Math.floor((now - since) / 1000));
  if (seconds < 60) return `${seconds} s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ${seconds % 60} s`;
  return `${Math.floor(seconds / 3600)} h ${Math.floor((seconds % 3600) / 60)} min`;
}

/** @param {number} time milliseconds since the epoch */
export function clock(time) {
  return new Date(time).toTimeString().slice(0, 8);
}

/** `shop.order.v1.OrderService/CreateOrder` for people: `CreateOrder`. @param {string} method */
export function shortMethod(method) {
  return method.slice(method.lastIndexOf('/') + 1) || method;
}

/** The service of `shop.order.v1.OrderService/CreateOrder`: `order`. @param {string} method */
export function serviceOf(method) {
  return /^shop\.(\w+)\./.exec(method)?.[1] ?? '';
}
