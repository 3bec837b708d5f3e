import { installChromium } from './chromium.ts';

const cure = installChromium();
if (cure) console.log(`souk: the dashboard's tests in a browser are skipped: ${cure}`);
