import { Outlet, useNavigate } from '@tanstack/react-router';
import { Menu as MenuIcon } from 'lucide-react';
import { lazy, Suspense, useRef, useState } from 'react';
import { IconButton } from '../ui/Button';
import { LiveRegion } from '../ui/LiveRegion';
import { SkipLink } from '../ui/SkipLink';
import { Toasts } from '../ui/Toasts';
import { Navigation } from './Navigation';
import { useShortcuts } from './shortcuts';

// Not needed for the first paint.
const LiveUpdates = lazy(() => import('./LiveUpdates').then((m) => ({ default: m.LiveUpdates })));
const Palette = lazy(() => import('./Palette').then((m) => ({ default: m.Palette })));
const ShortcutSheet = lazy(() => import('./ShortcutSheet').then((m) => ({ default: m.ShortcutSheet })));

/** What stands around every page behind sign-in: navigation, banners, toasts, palette. */
export function Shell() {
  const navigate = useNavigate();
  const [layer, setLayer] = useState<'palette' | 'shortcuts' | null>(null);
  const drawer = useRef<HTMLDialogElement>(null);

  useShortcuts([
    { keys: 'Ctrl+K', run: () => setLayer('palette') },
    { keys: '?', run: () => setLayer('shortcuts') },
    { keys: 'c', run: () => void navigate({ to: '/new' }) },
    { keys: 'g h', run: () => void navigate({ to: '/history' }) },
    { keys: 'g s', run: () => void navigate({ to: '/studio' }) },
    { keys: 'g a', run: () => void navigate({ to: '/admin/tenants' }) },
    {
      keys: '/',
      run: () => {
        const search = document.querySelector<HTMLInputElement>('main input[type=search]');
        if (search) search.focus();
        else void navigate({ to: '/history' });
      },
    },
  ]);

  const navigation = (
    <Navigation onPalette={() => setLayer('palette')} onShortcuts={() => setLayer('shortcuts')} onNavigate={() => drawer.current?.close()} />
  );
  return (
    <div className="flex h-dvh flex-col wide:flex-row">
      <SkipLink target="main" />
      <div className="hidden w-56 shrink-0 border-r border-line bg-bg wide:block">{navigation}</div>
      <header className="flex h-13 shrink-0 items-center gap-2 border-b border-line px-2 wide:hidden">
        <IconButton name="Navigation" icon={<MenuIcon size={18} aria-hidden />} aria-haspopup="dialog" onClick={() => drawer.current?.showModal()} />
        <span className="font-semibold">AI HelpDesk</span>
      </header>
      <dialog ref={drawer} aria-label="Navigation" className="layer-in m-0 h-dvh max-h-none w-72 max-w-[85vw] border-r border-line bg-bg text-ink shadow-layer" onClick={(e) => e.target === e.currentTarget && e.currentTarget.close()}>
        {navigation}
      </dialog>
      <div className="flex min-h-0 min-w-0 flex-1 flex-col">
        <Suspense>
          <LiveUpdates />
        </Suspense>
        <main id="main" tabIndex={-1} className="min-h-0 flex-1 bg-surface outline-none">
          <Outlet />
        </main>
      </div>
      <Toasts />
      <LiveRegion />
      <Suspense>
        {layer === 'palette' && <Palette onClose={() => setLayer(null)} onShortcuts={() => setLayer('shortcuts')} />}
        {layer === 'shortcuts' && <ShortcutSheet onClose={() => setLayer(null)} />}
      </Suspense>
    </div>
  );
}
