import { sniffCsv } from './sniff-csv.ts';

const sniff = (text: string, complete = true) => sniffCsv({ bytes: Buffer.from(text), complete });

describe('the sniffer of CSV', () => {
  it.each([
    ['commas', 'sku,name\n1,Pen\n2,Ink\n', ','],
    ['commas on two lines', 'a,b\n1,2', ','],
    ['commas with a space after them', 'name, price\nPen, 12\n', ','],
    ['a header alone', 'sku,name,price\n', ','],
    ['a header alone with a byte order mark', '\uFEFFsku,name\r\n', ','],
    ['semicolons, with commas as decimal points', 'a;b\r\n1,5;2,5\r\n3,5;4,5\r\n', ';'],
    ['semicolons, with commas in the text', 'name;remark\nA;one, two\nB;three\nC;four, five, six\n', ';'],
    ['pipes', 'a|b|c\n1|2|3\n', '|'],
    ['quotes, delimiters and line breaks in fields', 'a,b\n"x,y","1\n2"\n"say ""hi""",3\n', ','],
    ['rows of uneven length', 'a,b,c\n1,2\n3,4,5,6\n', ','],
    ['a title above the table', 'Report 2026\na,b\n1,2\n3,4\n5,6\n7,8\n', ','],
    ['empty last columns', 'a,b\n1,\n2,\n', ','],
    ['a column whose name is the signature of a bitmap', 'BMI,age\n21,40\n', ','],
    ['one row whose closing quote text follows', 'a,b\n1,2\n"x"y,3\n', ','],
    ['a quote that is never closed', 'a,b\n"1,2\n3,4\n', ','],
    ['a quote at the very beginning that is never closed', '"a,b\n1,2\n3,4\n', ','],
  ])('knows CSV with %s', (_what, text, delimiter) => {
    expect(sniff(text)).toEqual({ mediaType: 'text/csv', delimiter, preamble: 0 });
  });

  it('knows tab-separated values', () => {
    expect(sniff('a\tb\n1\tx, y\n')).toMatchObject({
      mediaType: 'text/tab-separated-values',
      delimiter: '\t',
    });
  });

  it('believes the line in which Excel declares the separator', () => {
    expect(sniff('sep=;\r\na\r\n1\r\n')).toEqual({ mediaType: 'text/csv', delimiter: ';', preamble: 1 });
  });

  it('leaves the record out of account that the end of the sample cuts', () => {
    expect(sniff('a,b,c\n1,2,3\n4,5,6\n7', false)).toMatchObject({ delimiter: ',' });
    expect(sniff('only,the,beginning,of,a,line,that,never,ends', false)).toBeUndefined();
  });

  it.each([
    ['a word', 'hello'],
    ['a greeting', 'Hello, world'],
    ['a sentence', 'First the eggs,then the flour.\n'],
    ['prose of two lines', 'Dear Anna,\nthanks for the eggs, and see you soon!\n'],
    [
      'prose',
      'It was late, and it was cold.\nThe two of them went home.\nNobody, not even the cat,\nsaw them; or did it?\n',
    ],
    ['one column', 'id\n1\n2\n3\n'],
    ['JSON', '{"a": 1, "b": 2}\n'],
    ['JSON on many lines', '{\n  "a": 1,\n  "b": 2,\n  "c": 3\n}\n'],
    ['JSON lines', '{"a":1,"b":2}\n{"a":3,"b":4}\n{"a":5,"b":6}\n'],
    ['an array', '[1,2,3]'],
    ['XML', '<a>\n<b x="1,2"/>\n</a>\n'],
    ['statements of a language', 'const a = 1;\nconst b = 2;\nconst c = 3;\n'],
    ['a list in a language', '"a": 1,\n"b": 2,\n"c": 3,\n'],
    ['blank lines', '\n\n\n'],
  ])('does not take %s for CSV', (_what, text) => {
    expect(sniff(text)).toBeUndefined();
  });
});
