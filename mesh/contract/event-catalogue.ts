import type { DescMessage, FileRegistry } from '@bufbuild/protobuf';
import { getComments } from '@bufbuild/protoplugin';

const head = `# The events

Made from \`proto/\` by \`make gen\`. What is guaranteed of them, and how to add one: [events.md](events.md).
`;

/** The page in docs/ that lists what each service publishes: the messages of its `*_events.proto` that no other of them holds. */
export function eventCatalogue(registry: FileRegistry): string {
  const files = [...registry.files]
    .filter(({ name }) => name.endsWith('_events'))
    .sort((a, b) => (a.name < b.name ? -1 : 1));
  const parts = files.map(({ proto, messages }) => {
    const used = new Set(
      messages.flatMap(({ fields }) => fields.flatMap(({ message }) => message?.typeName ?? [])),
    );
    const events = messages.filter(({ typeName }) => !used.has(typeName));
    return `## ${proto.package}\n\n${events.map(section).join('\n')}`;
  });
  return [head, ...parts].join('\n');
}

function section(event: DescMessage): string {
  const rows = event.fields.map((field) => {
    const type =
      field.message?.typeName ?? field.enum?.typeName ?? String(field.proto.typeName || scalar(field));
    return `| \`${field.name}\` | ${type}${field.fieldKind === 'list' ? ', repeated' : ''} | ${text(getComments(field).leading)} |`;
  });
  return `### ${event.name}\n\n${text(getComments(event).leading)}\n\n| Field | Type | |\n| --- | --- | --- |\n${rows.join('\n')}\n`;
}

const scalar = ({ proto }: DescMessage['fields'][number]): string =>
  ({ 3: 'int64', 5: 'int32', 8: 'bool', 9: 'string', 12: 'bytes', 13: 'uint32' })[proto.type as number] ?? '';

const text = (comment: string | undefined): string => (comment ?? '').trim().replaceAll(/\s*\n\s*/g, ' ');
