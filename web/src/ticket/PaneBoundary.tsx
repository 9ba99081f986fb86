import { Component, type ReactNode } from 'react';
import { ErrorState } from '../ui/States';

type Props = { name: string; children: ReactNode };

/** Keeps a fault in one pane from taking the others with it. */
export class PaneBoundary extends Component<Props, { failed: boolean }> {
  override state = { failed: false };
  static getDerivedStateFromError() {
    return { failed: true };
  }
  override render() {
    if (!this.state.failed) return this.props.children;
    return <ErrorState title={`${this.props.name} failed.`} detail="The rest of the ticket goes on. Nothing that was sent is lost." onRetry={() => this.setState({ failed: false })} />;
  }
}
