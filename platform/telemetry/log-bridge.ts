import { type Logger, SeverityNumber } from '@opentelemetry/api';

const SEVERITIES: Readonly<Record<string, SeverityNumber>> = {
  trace: SeverityNumber.TRACE,
  debug: SeverityNumber.DEBUG,
  info: SeverityNumber.INFO,
  warn: SeverityNumber.WARN,
  error: SeverityNumber.ERROR,
  fatal: SeverityNumber.FATAL,
};

/** Emits lines of the log, which are redacted already, as records of OpenTelemetry's: JSON for what is no word or number. */
export function lineEmitter(logger: Logger): (line: string) => void {
  return (line) => {
    // Where they come from is in the resource.
    const { level, time, msg, service: _, instance: __, ...rest } = JSON.parse(line);
    const attributes: Record<string, string | number | boolean> = {};
    for (const [key, value] of Object.entries(rest)) {
      const plain = typeof value === 'number' || typeof value === 'boolean' || typeof value === 'string';
      attributes[key] = plain ? value : JSON.stringify(value);
    }
    logger.emit({
      timestamp: new Date(time),
      severityNumber: SEVERITIES[level] ?? SeverityNumber.UNSPECIFIED,
      severityText: level,
      body: msg ?? '',
      attributes,
    });
  };
}
