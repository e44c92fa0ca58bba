// The documents before and after one, in the list from which it was opened.
import type { InfiniteData, QueryClient } from '@tanstack/svelte-query';

import type { Document } from '../api/client';

interface DocumentPage {
  items: Document[];
}

/** Ids of the neighbours in the newest list that has the document; nothing for one that was opened by its address. */
export function around(client: QueryClient, id: string): { previous: string | undefined; next: string | undefined } {
  const lists = client.getQueryCache().findAll({ queryKey: ['documents'] });
  const newest = lists.toSorted((a, b) => b.state.dataUpdatedAt - a.state.dataUpdatedAt);
  for (const query of newest) {
    const data = query.state.data as InfiniteData<DocumentPage> | undefined;
    const ids = data?.pages.flatMap((page) => page.items.map((item) => item.id)) ?? [];
    const at = ids.indexOf(id);
    if (at >= 0) return { previous: ids[at - 1], next: ids[at + 1] };
  }
  return { previous: undefined, next: undefined };
}
