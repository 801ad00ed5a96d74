// Package fault is the one error type of the program's edges. The adapters
// turn whatever Slack, Teleport, the network or a file answered into an Error
// once; everybody else decides by its Class and never by text.
package fault

import (
	"errors"
	"fmt"
	"time"
)

// Class says what to do about an error.
type Class uint8

// The classes.
const (
	// Retry: it did not happen, and trying again later may help.
	Retry Class = iota
	// Unknown: the answer never came, so it may or may not have happened.
	Unknown
	// Permanent: this recipient or message can't have it until somebody changes something.
	Permanent
	// Fatal: nothing of this kind works until somebody changes something: credentials, scopes.
	Fatal
	// Bug: what we sent was not acceptable; a simpler form may be.
	Bug
	// NotFound: the thing asked for is not there.
	NotFound
	// Conflict: somebody else wrote first.
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

// Paced is the Reason of a call that was not made because its turn has not
// come; nothing is wrong.
const Paced = "paced"

// Error is a classified error.
type Error struct {
	Op         string        // what was being done: "post message to #dev"
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

// Is says that err is an Error of the class.
func Is(err error, class Class) bool {
	e, ok := As(err)
	return ok && e.Class == class
}

// ClassOf returns err's class; an error that nobody classified is Retry,
// because giving up on something we don't understand loses messages.
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

// Wrapf adds what was being done, keeping the class.
func Wrapf(err error, format string, args ...any) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf(format+": %w", append(args, err)...)
}
