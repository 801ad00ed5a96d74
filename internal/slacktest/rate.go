package slacktest

import "time"

// Limit is how often something can happen.
type Limit struct {
	PerSecond float64 // 0 is unlimited
	Burst     int     // at once; default 1
}

// TierLimits returns what Slack's rate limit tiers allow each method, for
// Options.MethodLimits. Methods without a tier of their own, such as
// chat.postMessage, are not in it.
// https://docs.slack.dev/apis/web-api/rate-limits
func TierLimits() map[string]Limit {
	perMinute := func(n int) Limit { return Limit{PerSecond: float64(n) / 60, Burst: n} }
	const tier1, tier2, tier3, tier4 = 1, 20, 50, 100
	return map[string]Limit{
		"apps.connections.open": perMinute(tier1),
		"chat.delete":           perMinute(tier3),
		"chat.update":           perMinute(tier3),
		"conversations.history": perMinute(tier3),
		"conversations.info":    perMinute(tier3),
		"conversations.join":    perMinute(tier3),
		"conversations.list":    perMinute(tier2),
		"conversations.members": perMinute(tier4),
		"conversations.open":    perMinute(tier3),
		"conversations.replies": perMinute(tier3),
		"reactions.add":         perMinute(tier3),
		"reactions.get":         perMinute(tier3),
		"reactions.remove":      perMinute(tier2),
		"usergroups.list":       perMinute(tier2),
		"users.info":            perMinute(tier4),
		"users.list":            perMinute(tier2),
		"users.lookupByEmail":   perMinute(tier3),
		"views.open":            perMinute(tier4),
		"views.push":            perMinute(tier4),
		"views.update":          perMinute(tier4),
	}
}

// limits are the token buckets of methods and conversations.
type limits struct {
	channel  Limit
	method   map[string]Limit
	channels map[string]*bucket
	methods  map[string]*bucket
}

func newLimits(opt Options) limits {
	l := limits{
		channel:  Limit{PerSecond: opt.ChannelRate, Burst: opt.ChannelBurst},
		method:   map[string]Limit{},
		channels: map[string]*bucket{},
		methods:  map[string]*bucket{},
	}
	for name, limit := range opt.MethodLimits {
		l.method[name] = limit
	}
	return l
}

// SetChannelLimit replaces the rate at which each conversation takes posts.
// Every conversation starts with a full burst.
func (s *Server) SetChannelLimit(l Limit) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.rates.channel = l
	s.rates.channels = map[string]*bucket{}
}

// SetMethodLimit replaces the rate at which a method takes calls.
func (s *Server) SetMethodLimit(method string, l Limit) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.rates.method[method] = l
	delete(s.rates.methods, method)
}

func (l *limits) takeMethod(now time.Time, name string) error {
	return take(l.methods, name, l.method[name], now)
}

func (l *limits) takePost(now time.Time, channel string) error {
	return take(l.channels, channel, l.channel, now)
}

// bucket is a token bucket: tokens at a time.
type bucket struct {
	tokens float64
	at     time.Time
}

// take takes a token or refuses with the time until there is one.
func take(buckets map[string]*bucket, key string, limit Limit, now time.Time) error {
	if limit.PerSecond <= 0 {
		return nil
	}
	full := float64(max(1, limit.Burst))
	b := buckets[key]
	if b == nil {
		b = &bucket{tokens: full, at: now}
		buckets[key] = b
	}
	if d := now.Sub(b.at); d > 0 {
		b.tokens = min(full, b.tokens+d.Seconds()*limit.PerSecond)
		b.at = now
	}
	// A client that waits exactly as told must not be refused for a rounding error.
	const rounding = 1e-9
	if b.tokens+rounding >= 1 {
		b.tokens--
		return nil
	}
	return &apiError{code: "ratelimited", retryAfter: time.Duration((1 - b.tokens) / limit.PerSecond * float64(time.Second))}
}
