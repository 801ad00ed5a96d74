package access

import "time"

// AccessList is a list of people whose access lasts, which its owners review
// again and again.
type AccessList struct {
	Name         string // the list's own name, a UUID
	Title        string // what people call it
	Owners       []string
	NextReview   time.Time     // until when it is to be reviewed; zero for never
	NotifyBefore time.Duration // how long before that its owners are told
}
