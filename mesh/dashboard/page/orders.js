const token = document.querySelector('meta[name="souk-token"]')?.getAttribute('content') ?? '';

/**
 * Gives the launcher an order and waits until it is done.
 *
 * @param {string} name
 * @param {Record<string, string>} what
 * @returns {Promise<string>} what it says, also when it can't
 */
export async function giveOrder(name, what) {
  try {
    const answer = await fetch(`/orders/${name}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'x-souk-token': token },
      body: JSON.stringify(what),
    });
    const { text } = /** @type {{ text: string }} */ (await answer.json());
    return text;
  } catch {
    return 'The launcher does not answer.';
  }
}
