import { oneLine, type Block, type MailDocument } from './document.ts';

function renderBlock(block: Block): string {
  switch (block.kind) {
    case 'paragraph':
      return oneLine(block.text);
    case 'facts': {
      const width = Math.max(...block.rows.map(([label]) => label.length)) + 1;
      return block.rows
        .map(([label, value]) => `${`${oneLine(label)}:`.padEnd(width)} ${oneLine(value)}`)
        .join('\n');
    }
    case 'items': {
      const rows = block.rows.map((item) => {
        const amount = item.amount ? `: ${oneLine(item.amount)}` : '';
        return `- ${oneLine(item.name)}, ${oneLine(item.detail)}${amount}`;
      });
      return [...rows, ...(block.total ? [`Total: ${oneLine(block.total)}`] : [])].join('\n');
    }
  }
}

/** The plain text part of a mail. */
export function renderText({ heading, blocks }: MailDocument): string {
  return `${[oneLine(heading), ...blocks.map(renderBlock), '-- \nWarren'].join('\n\n')}\n`;
}
