package teleport

import (
	"sync"
	"time"
)

// maxCached bounds a cache, because its keys come from outside.
const maxCached = 10_000

// cache keeps answers for a time.
type cache[V any] struct {
	mu sync.Mutex
	m  map[string]cached[V]
}

type cached[V any] struct {
	value V
	until time.Time
}

func newCache[V any]() *cache[V] { return &cache[V]{m: make(map[string]cached[V])} }

func (c *cache[V]) get(key string) (V, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	e, ok := c.m[key]
	if !ok || !time.Now().Before(e.until) {
		var none V
		return none, false
	}
	return e.value, true
}

func (c *cache[V]) put(key string, v V, keep time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if _, ok := c.m[key]; !ok && len(c.m) >= maxCached {
		c.prune()
	}
	c.m[key] = cached[V]{value: v, until: time.Now().Add(keep)}
}

// prune removes expired entries, or all if none has expired.
func (c *cache[V]) prune() {
	now := time.Now()
	for k, e := range c.m {
		if !now.Before(e.until) {
			delete(c.m, k)
		}
	}
	if len(c.m) >= maxCached {
		clear(c.m)
	}
}
