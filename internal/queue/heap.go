package queue

// items is what both heaps do with their items: each knows its place, so that
// it can be moved and taken out.
type items []*item

func (h items) Len() int { return len(h) }

func (h items) Swap(i, j int) {
	h[i], h[j] = h[j], h[i]
	h[i].index, h[j].index = i, j
}

func (h *items) Push(x any) {
	it := x.(*item)
	it.index = len(*h)
	*h = append(*h, it)
}

func (h *items) Pop() any {
	old := *h
	it := old[len(old)-1]
	old[len(old)-1] = nil
	*h = old[:len(old)-1]
	return it
}

// readyHeap has what is due, by priority and then in the order in which it came.
type readyHeap struct{ items }

func (h readyHeap) Less(i, j int) bool {
	a, b := h.items[i], h.items[j]
	if a.priority != b.priority {
		return a.priority < b.priority
	}
	return a.seq < b.seq
}

// laterHeap has what is not, by when it will be.
type laterHeap struct{ items }

func (h laterHeap) Less(i, j int) bool { return h.items[i].due.Before(h.items[j].due) }
