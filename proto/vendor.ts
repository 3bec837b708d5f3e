/**
 * Puts third-party contracts into one ignored folder, given as the first argument, from installed packages alone, so
 * that no schema registry is asked. What the shop's contracts import: google/rpc from a PyPI package, buf/validate from
 * the descriptor inside @bufbuild/protovalidate. And OTLP's, as the descriptor set otlp.binpb, out of the code that
 * another PyPI package was generated as.
 */
import { execFileSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import { FileDescriptorProtoSchema, FileDescriptorSetSchema } from '@bufbuild/protobuf/wkt';
import { file_buf_validate_validate } from '@bufbuild/protovalidate/gen/buf/validate/validate_pb.js';
import { printProto } from './print-proto.ts';

const googleapis = 'googleapis-common-protos==1.76.0';
const wanted = ['google/rpc/status.proto', 'google/rpc/error_details.proto'];
const otlp = 'opentelemetry-proto==1.45.2';
/** Each before those that import it. */
const otlpFiles = [
  ...['common/v1/common', 'resource/v1/resource', 'trace/v1/trace', 'metrics/v1/metrics', 'logs/v1/logs'],
  ...['trace', 'metrics', 'logs'].map((signal) => `collector/${signal}/v1/${signal}_service`),
];
/** Prints, a line for each file of generated Python, the descriptor that it begins with, in hex. */
const descriptors = `
import ast, sys
for file in sys.argv[1:]:
    calls = [n for n in ast.walk(ast.parse(open(file).read())) if isinstance(n, ast.Call)]
    print(next(c.args[0].value.hex() for c in calls if getattr(c.func, 'attr', '') == 'AddSerializedFile'))
`;

const target = process.argv[2];
if (!target) throw new Error('usage: vendor.ts FOLDER');

mkdirSync(dirname(target), { recursive: true });
const scratch = mkdtempSync(`${target}.`);
try {
  const pip = ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', '--no-deps'];
  execFileSync(
    'python3',
    [...pip, '--root-user-action=ignore', '--target', join(scratch, 'pip'), googleapis, otlp],
    {
      stdio: 'inherit',
    },
  );
  const ready = join(scratch, 'ready');
  for (const file of wanted) cpSync(join(scratch, 'pip', file), join(ready, file));
  mkdirSync(join(ready, 'buf/validate'), { recursive: true });
  writeFileSync(join(ready, 'buf/validate/validate.proto'), printProto(file_buf_validate_validate));
  writeFileSync(join(ready, 'otlp.binpb'), otlpDescriptorSet(join(scratch, 'pip/opentelemetry/proto')));
  rmSync(target, { recursive: true, force: true });
  renameSync(ready, target);
} finally {
  rmSync(scratch, { recursive: true, force: true });
}

function otlpDescriptorSet(folder: string): Uint8Array {
  const files = otlpFiles.map((name) => join(folder, `${name}_pb2.py`));
  const lines = execFileSync('python3', ['-c', descriptors, ...files], { encoding: 'utf8' })
    .trim()
    .split('\n');
  const file = lines.map((hex) => fromBinary(FileDescriptorProtoSchema, Buffer.from(hex, 'hex')));
  return toBinary(FileDescriptorSetSchema, create(FileDescriptorSetSchema, { file }));
}
