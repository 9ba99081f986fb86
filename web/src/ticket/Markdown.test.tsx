import { render } from '@testing-library/react';
import { describe, expect, it } from 'vitest';
import { blocksOf } from './blocks';
import { Markdown } from './Markdown';

const html = (text: string, growing = false) => render(<Markdown text={text} growing={growing} />).container;

describe('an agent\'s text', () => {
  it.each([
    '<script>alert(1)</script>',
    '<img src=x onerror=alert(1)>',
    '[x](javascript:alert(1))',
    '[x](  jAvAscript:alert(1))',
    '[x](data:text/html,<script>1</script>)',
    '![p](https://evil.example/pixel.png)',
    '<iframe src="https://evil.example"></iframe>',
    '<a href="https://a.example" style="position:fixed" onclick="x()">a</a>',
    '<form action="https://evil.example"><button>Approve</button></form>',
    '<https://ok.example> <style>*{display:none}</style>',
  ])('cannot run or load anything: %s', (text) => {
    const box = html(text);
    expect(box.querySelector('script, img, iframe, form, style, object, embed, link')).toBeNull();
    for (const el of box.querySelectorAll('*')) for (const a of el.attributes) expect(a.name).not.toMatch(/^on|^style$/);
    for (const a of box.querySelectorAll('a')) expect(a.href).toMatch(/^https?:/);
  });

  it('says where a link leads unless its text does', () => {
    const box = html('[bank](https://evil.example/x) and https://ok.example and [paypal.com](https://раypal.com)');
    expect(box.textContent).toContain('bank (evil.example)');
    expect(box.textContent).not.toContain('(ok.example)');
    expect(box.textContent).toContain('(xn--');
    for (const a of box.querySelectorAll('a')) expect(a.rel).toContain('noopener');
  });

  it('has its headings below the author\'s', () => {
    expect(html('# One\n## Two').querySelector('h1, h2')).toBeNull();
  });

  it('closes what is open while it grows', () => {
    expect(html('This is **bol', true).querySelector('strong')?.textContent).toBe('bol');
    expect(html('```sh\nls -la', true).querySelector('pre')?.textContent).toBe('ls -la');
  });

  it('draws only its last block again', () => {
    const before = blocksOf('One\n\nTwo\n\nThr', true);
    const after = blocksOf('One\n\nTwo\n\nThree', true);
    expect(after.slice(0, 2)).toEqual(before.slice(0, 2));
  });
});
