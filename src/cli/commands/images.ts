import { listImages } from '../../client/images.ts';
import { defineCommand } from '../command.ts';
import { CommandError } from '../command-error.ts';
import { flag } from '../flag.ts';
import { bool, filter, text } from '../flag-types.ts';
import { type ListFormat, renderListing } from '../format/listing.ts';
import { formatUsage } from '../format-usage.ts';
import { imageTree } from '../listings/image-tree.ts';
import { imageListing, imageRows } from '../listings/images.ts';

export const command = defineCommand({
  flags: {
    all: flag(bool(), 'a', 'List images that are only steps to others too'),
    digests: flag(bool(), '', 'Show digests'),
    filter: flag(filter, 'f', 'List only those that meet conditions'),
    format: flag(text(), '', formatUsage('list')),
    'no-trunc': flag(bool(), '', 'Show values in full length'),
    quiet: flag(bool(), 'q', 'Show only IDs'),
    tree: flag(bool(), '', 'List the platforms of each image under it (EXPERIMENTAL)'),
  },
  args: { atMost: 1 },
  async run({ args, commandPath, options, session }) {
    const { all, digests, filter: filters, quiet, tree } = options;
    if (tree) refuseWithTree(options);
    const [name = ''] = args;
    const wanted = name === '' ? filters : { ...filters, reference: { ...filters.reference, [name]: true } };
    const images = await listImages(await session.client(), {
      all,
      filters: Object.keys(wanted).length === 0 ? undefined : wanted,
      manifests: tree || undefined,
    });
    if (tree) return session.io.out(imageTree(images));
    const configured = quiet ? '' : session.config.imagesFormat;
    const format = listFormat(options.format || configured || 'table', quiet, digests);
    const showsDigests = digests || ('template' in format && format.template.includes('{{.Digest}}'));
    const rows = imageRows(images, showsDigests, digests);
    session.io.out(await renderListing(imageListing(!options['no-trunc'], Date.now()), rows, format));
    if (images.length === 0 && commandPath.endsWith(' images'))
      hintAtSubcommand(session.io.err, name, session.programName);
  },
});

/** In Docker's words. */
function refuseWithTree(options: {
  readonly quiet: boolean;
  readonly 'no-trunc': boolean;
  readonly digests: boolean;
  readonly format: string;
}): void {
  const refused = [
    [options.quiet, 'quiet'],
    [options['no-trunc'], 'no-trunc'],
    [options.digests, 'show-digest'],
    [options.format !== '', 'format'],
  ] as const;
  const first = refused.find(([isGiven]) => isGiven);
  if (first !== undefined) throw new CommandError(`--${first[1]} is not yet supported with --tree`);
}

function listFormat(format: string, quiet: boolean, digests: boolean): ListFormat {
  if (format === 'raw') {
    if (quiet) return { template: 'image_id: {{.ID}}' };
    const digest = digests ? 'digest: {{.Digest}}\n' : '';
    return {
      template: `repository: {{ .Repository }}\ntag: {{.Tag}}\n${digest}image_id: {{.ID}}\ncreated_at: {{.CreatedAt}}\nvirtual_size: {{.Size}}\n`,
    };
  }
  if (format === 'table') {
    if (quiet) return { template: '{{.ID}}' };
    const digest = digests ? ['Digest'] : [];
    return { table: ['Repository', 'Tag', ...digest, 'ID', 'CreatedSince', 'Size'] };
  }
  const lacksDigest = format.startsWith('table') && digests && !format.includes('{{.Digest}}');
  return { template: lacksDigest ? `${format}\t{{.Digest}}` : format };
}

const subcommands = new Set(
  'build history import inspect list load ls prune pull push rm save tag'.split(' '),
);

/** `images ls` looks for images of the name `ls`, which is hardly what was meant. */
function hintAtSubcommand(print: (text: string) => void, name: string, programName: string): void {
  if (!subcommands.has(name)) return;
  print(`\nNo images found matching ${JSON.stringify(name)}: did you mean "${programName} image ${name}"?\n`);
}
