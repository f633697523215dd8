"""The watch cache: what the store holds, as bytes with a few parsed facts, ready to be answered or watched.

In come the store's lists and its one watch; out go entries (GET), pages (LIST) and subscriptions (WATCH).

    caches = Caches(store, clock)                 # one an API server
    await caches.start()                          # ... await caches.close(); caches.failed is a future
    caches.revision                               # the newest revision that every cache holds
    await caches.wait_for(revision, timeout=None) # after a write; TimeoutError. Cheap when already there

    cache = await caches.open(CacheSpec("deployments.apps", namespaced=True, fields=(SelectableField(...),)))
                                                  # filled on first use, the same cache for the same name
    caches.drop("widgets.example.com")            # forgets it (its watchers end), the next open fills anew

Reading one resource (`Cache`):

    cache.get(namespace, name) -> CacheEntry | None                  # namespace "" when cluster-scoped
    await cache.list(namespace=None, selection=EVERYTHING, limit=0, token="", revision=None) -> Page
        # Page.entries (key order), .revision, .token (the continue token, "" at the end),
        # .remaining (remainingItemCount, None when unknown). `revision` lists at exactly that revision.
        # Raises api.errors' BadRequest for a bad token and Gone (410 Expired) for what is no longer kept.
    await cache.watch(after=None, selection=EVERYTHING, namespace=None, name=None,
                      head=None, initial=False, initial_bookmark=False) -> Subscription
        # after: every event with a greater revision; None: from now. Raises Gone (410 Expired) when too old.
        # A revision that is yet to come has to be waited for first (`wait_for`), here and in `list`.
        # initial: first the current state as ADDED (`after` is then not used); initial_bookmark: then the
        # bookmark annotated k8s.io/initial-events-end.
        # head given: bytes, framed as JSON lines; no head: structured batches.

    CacheEntry: .namespace .name .key .revision .labels .fields .item
        .item      JSON bytes with metadata.resourceVersion, without apiVersion and kind: an item of a built-in list
        .served(head) -> bytes     with apiVersion and kind: the answer to a GET, an item of a custom-resource list
        .object(head=None) -> dict decoded on each call; read-only by convention
    Head("apps/v1", "Deployment")  apiVersion and kind as bytes, made once a resource version
    Selection(labels: LabelSelector | None, fields: FieldSelector | None), from api.selectors

Watching (`Subscription`):

    await subscription.run(writer)      # framed: writes backlog, then live events, one write a commit batch;
                                        # returns when cut off, closed or when the writer's client has gone
    async for chunk in subscription     # framed: bytes, whole lines; structured: list[WatchEvent]
    subscription.bookmark()             # puts a bookmark with the current revision into the stream, in order;
                                        # structured: WatchEvent("BOOKMARK", None, revision)
    subscription.close(); subscription.cut_off   # True when it ended because the reader fell behind
    WatchEvent: .type .entry (None: BOOKMARK) .revision .initial_end

Values at rest are made by `splice.at_rest(object)`: no apiVersion, kind and resourceVersion, metadata first.
"""
