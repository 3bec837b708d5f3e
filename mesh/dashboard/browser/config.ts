/** What the tests in a browser are told. */
export function browserConfig(env: NodeJS.ProcessEnv = process.env): { readonly screenshots: boolean } {
  // SCREENSHOTS=1: docs/images/ is taken anew.
  return { screenshots: env.SCREENSHOTS === '1' };
}
