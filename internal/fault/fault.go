// Package fault is the error type of the adapters. An adapter turns an error from
// Slack, Teleport, the network or a file into an Error once; all other code
// decides by its Class and never by text.
package fault

import (
	"errors"
	"fmt"
	"time"
)

// Class is what to do about an error.
type Class uint8

// The classes.
const (
	// Retry: the call had no effect, and trying again later may help.
	Retry Class = iota
	// Unknown: there was no answer, so the call may have had its effect.
	Unknown
	// Permanent: the call fails for this recipient or message until a person changes something.
	Permanent
	// Fatal: all calls of this kind fail until a person changes something: credentials, scopes.
	Fatal
	// Bug: what we sent is invalid; a simpler form may be accepted.
	Bug
	// NotFound: the object does not exist.
	NotFound
	// Conflict: another writer was first.
	Conflict
	// Denied: a right is missing.
	Denied
	// Unsupported: this server does not know the call.
	Unsupported
)

var classNames = [...]string{"retry", "unknown", "permanent", "fatal", "bug", "not_found", "conflict", "denied", "unsupported"}

// String returns the class as a metric label.
func (c Class) String() string {
	if int(c) < len(classNames) {
		return classNames[c]
	}
	return "invalid"
}

// Paced is the Reason of a call that was not made yet because of a rate limit.
const Paced = "paced"

// Error is a classified error.
type Error struct {
	Op         string        // the operation: "post message to #dev"
	Reason     string        // short and stable: Slack's error name, a gRPC code; a metric label
	Class      Class         // what to do about it
	RetryAfter time.Duration // not before this long from now; zero if the other side named no time
	Hint       string        // what a person can do about it; may be empty
	Err        error         // the cause; may be nil
}

// Error returns "op: reason: cause", each part once.
func (e *Error) Error() string {
	s := e.Op
	add := func(part string) {
		if part == "" {
			return
		}
		if s != "" {
			s += ": "
		}
		s += part
	}
	add(e.Reason)
	if e.Err != nil && e.Err.Error() != e.Reason {
		add(e.Err.Error())
	}
	if s == "" {
		return "unspecified fault"
	}
	return s
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// New returns a classified error without a cause.
func New(class Class, op, reason string) *Error {
	return &Error{Class: class, Op: op, Reason: reason}
}

// As returns the first Error in err's chain.
func As(err error) (*Error, bool) {
	var e *Error
	ok := errors.As(err, &e)
	return e, ok
}

// Is reports whether err is an Error of the class.
func Is(err error, class Class) bool {
	e, ok := As(err)
	return ok && e.Class == class
}

// ClassOf returns err's class. An unclassified error is Retry, because giving up on
// an unknown error would lose messages.
func ClassOf(err error) Class {
	if e, ok := As(err); ok {
		return e.Class
	}
	return Retry
}

// Temporary reports whether trying again may give another answer without
// anybody changing the configuration or the installation.
func Temporary(err error) bool {
	switch ClassOf(err) {
	case Retry, Unknown:
		return true
	case Fatal:
		// A token may be replaced any minute; a scope takes a new installation.
		e, _ := As(err)
		return e.Reason != "missing_scope"
	}
	return false
}

// After returns how long the other side asked to wait, or zero.
func After(err error) time.Duration {
	if e, ok := As(err); ok {
		return e.RetryAfter
	}
	return 0
}

// Hint returns what a person can do about err, or "".
func Hint(err error) string {
	if e, ok := As(err); ok {
		return e.Hint
	}
	return ""
}

// Wrapf adds the operation and keeps the class.
func Wrapf(err error, format string, args ...any) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf(format+": %w", append(args, err)...)
}
