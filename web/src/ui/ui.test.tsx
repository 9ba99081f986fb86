import { render, screen } from '@testing-library/react';
import userEvent from '@testing-library/user-event';
import axe from 'axe-core';
import { useState } from 'react';
import { expect, test, vi } from 'vitest';
import { Button, IconButton } from './Button';
import { AlertDialog, Dialog } from './Dialog';
import { Field } from './Field';
import { Input } from './Input';
import { relativeTime } from './relativeTime';
import { Select } from './Select';
import { Switch } from './Switch';
import { toast } from './toast';
import { Toasts } from './Toasts';

test('a button that cannot be pressed says why, and stays reachable', async () => {
  const onClick = vi.fn<() => void>();
  render(<Button onClick={onClick} disabledReason="Needs a connection.">Approve</Button>);
  const button = screen.getByRole('button', { name: 'Approve' });
  expect(button).toHaveAccessibleDescription('Needs a connection.');
  await userEvent.tab();
  expect(button).toHaveFocus();
  await userEvent.keyboard('{Enter}');
  await userEvent.click(button);
  expect(onClick).not.toHaveBeenCalled();
});

test('a field’s label, hint and error belong to its control', () => {
  render(<Field label="Name" hint="For people." error="Give it a name.">{(c) => <Input {...c} />}</Field>);
  const input = screen.getByLabelText('Name');
  expect(input).toBeInvalid();
  expect(input).toHaveAccessibleDescription('Give it a name. For people.');
});

test('what must be typed is typed before anything happens', async () => {
  const onConfirm = vi.fn<() => void>();
  render(<AlertDialog open onClose={() => {}} title="Revoke?" typed="nightly" confirm="Revoke" onConfirm={onConfirm} />);
  await userEvent.click(screen.getByRole('button', { name: 'Revoke' }));
  expect(onConfirm).not.toHaveBeenCalled();
  await userEvent.type(screen.getByLabelText('Type nightly to confirm'), 'nightly{Enter}');
  expect(onConfirm).toHaveBeenCalledTimes(1);
});

function Opener() {
  const [open, setOpen] = useState(false);
  return (
    <>
      <h1 tabIndex={-1}>Page</h1>
      {!open && <button type="button" onClick={() => setOpen(true)}>Gone meanwhile</button>}
      <Dialog open={open} onClose={() => setOpen(false)} title="Layer" />
    </>
  );
}

test('after a dialog the focus is where one was, or at the title', async () => {
  render(<Opener />);
  await userEvent.click(screen.getByRole('button', { name: 'Gone meanwhile' }));
  await userEvent.click(screen.getByRole('button', { name: 'Close' }));
  expect(screen.getByRole('heading', { name: 'Page' })).toHaveFocus();
});

test('a toast’s action is run once', async () => {
  const run = vi.fn<() => void>();
  render(<Toasts />);
  toast('HD-1 deleted', { action: { label: 'Undo', run } });
  await userEvent.click(await screen.findByRole('button', { name: 'Undo' }));
  expect(run).toHaveBeenCalledTimes(1);
  expect(screen.queryByText('HD-1 deleted')).not.toBeInTheDocument();
});

test.each([
  [30_000, 'just now'],
  [-30_000, 'just now'],
  [5 * 60_000, '5 min ago'],
  [3 * 3_600_000, '3 h ago'],
  [2 * 86_400_000, '2 d ago'],
  [20 * 86_400_000, 'Oct 28'],
  [400 * 86_400_000, 'Oct 13, 2025'],
])('%d ms ago reads %j', (age, words) => {
  const now = new Date('2026-11-17T12:00:00');
  expect(relativeTime(new Date(now.getTime() - age), now)).toBe(words);
});

test('the primitives have no fault that axe can find', async () => {
  const { container } = render(
    <main>
      <h1>Page</h1>
      <Button>One</Button>
      <IconButton name="Two" icon={<svg aria-hidden="true" />} />
      <Field label="Three">{(c) => <Select {...c} value="a" options={[{ value: 'a', label: 'A' }]} onChange={() => {}} />}</Field>
      <Switch label="Four" hint="why" on onChange={() => {}} />
    </main>,
  );
  const { violations } = await axe.run(container, { rules: { 'color-contrast': { enabled: false }, region: { enabled: false } } });
  expect(violations).toEqual([]);
});
