package access

import "time"

// AccessList is a list of people with long-term access, which its owners review
// periodically.
type AccessList struct {
	Name         string // the list's own name, a UUID
	Title        string // display name
	Owners       []string
	NextReview   time.Time     // when the next review is due; zero for never
	NotifyBefore time.Duration // how long before that its owners are reminded
}
