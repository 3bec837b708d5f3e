/**
 * Puts the third-party .proto files that the contracts import into one ignored folder, given as the first
 * argument, from installed packages alone: google/rpc from the PyPI package named below, buf/validate from the
 * descriptor inside @bufbuild/protovalidate. No schema registry is asked.
 */
import { execFileSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { file_buf_validate_validate } from '@bufbuild/protovalidate/gen/buf/validate/validate_pb.js';
import { printProto } from './print-proto.ts';

const googleapis = 'googleapis-common-protos==1.76.0';
const wanted = ['google/rpc/status.proto', 'google/rpc/error_details.proto'];

const target = process.argv[2];
if (!target) throw new Error('usage: vendor.ts FOLDER');

mkdirSync(dirname(target), { recursive: true });
const scratch = mkdtempSync(`${target}.`);
try {
  const pip = ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', '--no-deps'];
  execFileSync(
    'python3',
    [...pip, '--root-user-action=ignore', '--target', join(scratch, 'pip'), googleapis],
    {
      stdio: 'inherit',
    },
  );
  const ready = join(scratch, 'ready');
  for (const file of wanted) cpSync(join(scratch, 'pip', file), join(ready, file));
  mkdirSync(join(ready, 'buf/validate'), { recursive: true });
  writeFileSync(join(ready, 'buf/validate/validate.proto'), printProto(file_buf_validate_validate));
  rmSync(target, { recursive: true, force: true });
  renameSync(ready, target);
} finally {
  rmSync(scratch, { recursive: true, force: true });
}
