//go:build race

package notify

// manyRequests is less under the race detector, which makes each ten times as slow.
const manyRequests = 10_000
