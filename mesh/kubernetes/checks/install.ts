import { hadolintBinary, kubernetesSchemas } from './tools.ts';

kubernetesSchemas();
await hadolintBinary();
