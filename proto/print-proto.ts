import {
  type DescEnum,
  type DescExtension,
  type DescField,
  type DescFile,
  type DescMessage,
  ScalarType,
} from '@bufbuild/protobuf';

/**
 * Prints a proto2 file's structure (messages, enums, oneofs, extensions and their numbers) as source. Options on
 * its elements are left out: whoever needs them has the descriptor.
 *
 * @param file a proto2 file without groups, maps, nested types or services; anything else is refused
 */
export function printProto(file: DescFile): string {
  if (file.services.length > 0) throw new Error(`${file.name}: services are not printed`);
  return [
    'syntax = "proto2";',
    `package ${file.proto.package};`,
    ...file.dependencies.map((dependency) => `import "${dependency.proto.name}";`),
    ...file.extensions.map(printExtension),
    ...file.enums.map(printEnum),
    ...file.messages.map(printMessage),
    '',
  ].join('\n');
}

function printExtension(extension: DescExtension): string {
  return `extend .${extension.extendee.typeName} {\n${printField(extension)}\n}`;
}

function printEnum(desc: DescEnum): string {
  return `enum ${desc.name} {\n${desc.values.map((value) => `  ${value.name} = ${value.number};`).join('\n')}\n}`;
}

function printMessage(message: DescMessage): string {
  if (message.nestedMessages.length + message.nestedEnums.length > 0) {
    throw new Error(`${message.typeName}: nested types are not printed`);
  }
  const members = message.members.map((member) =>
    member.kind === 'oneof'
      ? `  oneof ${member.name} {\n${member.fields.map((field) => printField(field)).join('\n')}\n  }`
      : printField(member),
  );
  // Descriptors give the end of a range exclusively, the language inclusively.
  const ranges = message.proto.extensionRange.map(({ start, end }) => `  extensions ${start} to ${end - 1};`);
  return `message ${message.name} {\n${[...members, ...ranges].join('\n')}\n}`;
}

function printField(field: DescField | DescExtension): string {
  if (field.fieldKind === 'map') throw new Error(`${field}: maps are not printed`);
  const label = field.fieldKind === 'list' ? 'repeated ' : field.oneof ? '' : 'optional ';
  return `  ${label}${typeName(field)} ${field.name} = ${field.number};`;
}

function typeName(field: DescField | DescExtension): string {
  if (field.message) return `.${field.message.typeName}`;
  if (field.enum) return `.${field.enum.typeName}`;
  return ScalarType[field.scalar as ScalarType].toLowerCase();
}
