import type { QueryClient } from '@tanstack/react-query';
import { createRootRouteWithContext, createRoute, createRouter, lazyRouteComponent, Outlet, redirect } from '@tanstack/react-router';
import { meQuery } from '../api/me';
import { Problem } from '../api/problem';
import type { TicketStatus } from '../api/types';
import { NotFound, PageFailed, PagePending, RootFailed, RootNotFound } from './Fallback';
import { safeTarget } from './safeTarget';
import { Shell } from './Shell';

const root = createRootRouteWithContext<{ queryClient: QueryClient }>()({
  component: Outlet,
  errorComponent: RootFailed,
  notFoundComponent: RootNotFound,
});

const signIn = createRoute({
  getParentRoute: () => root,
  path: '/sign-in',
  validateSearch: (search): { to?: string } => (typeof search['to'] === 'string' ? { to: safeTarget(search['to']) } : {}),
  component: lazyRouteComponent(() => import('../signin/SignInPage'), 'SignInPage'),
});

const invite = createRoute({
  getParentRoute: () => root,
  path: '/invite',
  component: lazyRouteComponent(() => import('../signin/InvitePage'), 'InvitePage'),
});

/** Everything behind sign-in: one check, one shell. */
const app = createRoute({
  getParentRoute: () => root,
  id: 'app',
  beforeLoad: async ({ context, location }) => {
    try {
      await context.queryClient.ensureQueryData(meQuery);
    } catch (error) {
      if (error instanceof Problem && error.status === 401) throw redirect({ to: '/sign-in', search: { to: location.href } });
      throw error;
    }
  },
  component: Shell,
  errorComponent: RootFailed,
});

const home = createRoute({
  getParentRoute: () => app,
  path: '/',
  beforeLoad: () => {
    throw redirect({ to: '/new' });
  },
});

const text = (v: unknown) => (typeof v === 'string' && v !== '' ? v : undefined);

const newTicket = createRoute({
  getParentRoute: () => app,
  path: '/new',
  validateSearch: (search): { agent?: string; message?: string } => ({ agent: text(search['agent']), message: text(search['message']) }),
  component: lazyRouteComponent(() => import('../newticket/NewTicketPage'), 'NewTicketPage'),
});

export type HistorySearch = { q?: string; status?: TicketStatus; tenant?: string; waiting?: true };

const statuses = ['open', 'in_progress', 'closed'] as const;

const history = createRoute({
  getParentRoute: () => app,
  path: '/history',
  validateSearch: (search): HistorySearch => ({
    q: text(search['q']),
    status: statuses.find((s) => s === search['status']),
    tenant: text(search['tenant']),
    waiting: search['waiting'] === true || undefined,
  }),
  component: lazyRouteComponent(() => import('../history/HistoryPage'), 'HistoryPage'),
});

const ticket = createRoute({
  getParentRoute: () => app,
  path: '/tickets/$key',
  component: lazyRouteComponent(() => import('../ticket/TicketPage'), 'TicketPage'),
});

const studio = createRoute({
  getParentRoute: () => app,
  path: '/studio',
  component: lazyRouteComponent(() => import('../studio/StudioPage'), 'StudioPage'),
});

const tenants = createRoute({
  getParentRoute: () => app,
  path: '/admin/tenants',
  component: lazyRouteComponent(() => import('../tenants/TenantsPage'), 'TenantsPage'),
});

const tenant = createRoute({
  getParentRoute: () => app,
  path: '/admin/tenants/$id',
  component: lazyRouteComponent(() => import('../tenants/TenantPage'), 'TenantPage'),
});

const people = createRoute({
  getParentRoute: () => app,
  path: '/admin/people',
  component: lazyRouteComponent(() => import('../people/PeoplePage'), 'PeoplePage'),
});

const tokens = createRoute({
  getParentRoute: () => app,
  path: '/tokens',
  component: lazyRouteComponent(() => import('../tokens/TokensPage'), 'TokensPage'),
});

const routeTree = root.addChildren([signIn, invite, app.addChildren([home, newTicket, history, ticket, studio, tenants, tenant, people, tokens])]);

export function newRouter(queryClient: QueryClient) {
  return createRouter({
    routeTree,
    context: { queryClient },
    defaultPreload: 'intent',
    defaultErrorComponent: PageFailed,
    defaultNotFoundComponent: NotFound,
    defaultPendingComponent: PagePending,
    defaultPendingMs: 150,
    scrollRestoration: false,
  });
}

declare module '@tanstack/react-router' {
  interface Register {
    router: ReturnType<typeof newRouter>;
  }
}
