import { useQueryClient } from '@tanstack/react-query';
import { useNavigate } from '@tanstack/react-router';
import { ChevronsUpDown, KeyRound, Keyboard, LogOut } from 'lucide-react';
import { sentence } from '../api/problem';
import { signOut } from '../api/me';
import { sessionChanged } from '../api/signedOut';
import type { Me } from '../api/types';
import { Menu, MenuChoice, MenuItem, MenuLabel, MenuSeparator } from '../ui/Menu';
import { toast } from '../ui/toast';
import { setTheme, useTheme } from './theme';

const themes = [
  { value: 'system', label: 'As the system' },
  { value: 'light', label: 'Light' },
  { value: 'dark', label: 'Dark' },
] as const;

/** The person's own corner: theme, tokens, keys, sign out. */
export function UserMenu({ me, onShortcuts, onNavigate }: { me: Me; onShortcuts: () => void; onNavigate: () => void }) {
  const navigate = useNavigate();
  const queryClient = useQueryClient();
  const theme = useTheme();
  const leave = async () => {
    try {
      await signOut();
      sessionChanged();
      queryClient.clear();
      await navigate({ to: '/sign-in' });
    } catch (error) {
      toast(`Not signed out. ${sentence(error)}`, { tone: 'danger' });
    }
  };
  return (
    <Menu
      trigger={
        <button type="button" className="flex h-[max(40px,var(--control))] w-full items-center gap-2 rounded-control px-2 text-left hover:bg-raised aria-expanded:bg-raised">
          <span className="min-w-0 flex-1">
            <span className="block truncate text-control font-medium">{me.user.name}</span>
            <span className="block truncate text-meta text-ink-3">{me.user.admin ? 'Platform admin' : me.user.email}</span>
          </span>
          <ChevronsUpDown size={14} aria-hidden className="text-ink-3" />
        </button>
      }
    >
      <MenuLabel>Theme</MenuLabel>
      <MenuChoice value={theme} options={themes} onChange={setTheme} />
      <MenuSeparator />
      <MenuItem
        icon={<KeyRound size={16} aria-hidden />}
        onSelect={() => {
          onNavigate();
          void navigate({ to: '/tokens' });
        }}
      >
        API tokens
      </MenuItem>
      <MenuItem icon={<Keyboard size={16} aria-hidden />} keys="?" onSelect={onShortcuts}>
        Keyboard shortcuts
      </MenuItem>
      <MenuSeparator />
      <MenuItem icon={<LogOut size={16} aria-hidden />} onSelect={() => void leave()}>
        Sign out
      </MenuItem>
    </Menu>
  );
}
