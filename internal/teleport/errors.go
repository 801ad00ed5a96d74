package teleport

import (
	"context"
	"errors"
	"io"
	"strings"

	"github.com/gravitational/trace"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/teleport-slack/teleport-slack/internal/fault"
)

// effect tells whether a call without an answer may have changed something.
type effect bool

const (
	reads  effect = false
	writes effect = true
)

// classify turns what a call to Teleport returned into a [fault.Error], once.
// An error that is classified already is returned unchanged.
func classify(op string, err error, eff effect) error {
	if err == nil {
		return nil
	}
	if e, ok := fault.As(err); ok {
		return e
	}
	code := codeOf(err)
	f := &fault.Error{Op: op, Reason: reasons[code], Class: classes[code], Err: oneLine{err}}
	if f.Reason == "" {
		f.Reason = "unknown"
	}
	// Without an answer, a read can be repeated, but a write may have happened.
	if eff == writes && f.Class == fault.Retry && unanswered[code] {
		f.Class = fault.Unknown
	}
	return f
}

// classes is the table; a code that isn't in it is [fault.Retry], the zero value,
// because giving up after an unknown error would lose messages.
var classes = map[codes.Code]fault.Class{
	codes.NotFound:           fault.NotFound,
	codes.FailedPrecondition: fault.Conflict, // trace's CompareFailed travels as this
	codes.Aborted:            fault.Conflict,
	codes.AlreadyExists:      fault.Conflict,
	codes.PermissionDenied:   fault.Denied,
	codes.Unauthenticated:    fault.Denied,
	codes.Unimplemented:      fault.Unsupported,
	codes.InvalidArgument:    fault.Bug,
	codes.OutOfRange:         fault.Bug,
}

var reasons = map[codes.Code]string{
	codes.NotFound:           "not_found",
	codes.FailedPrecondition: "compare_failed",
	codes.Aborted:            "aborted",
	codes.AlreadyExists:      "already_exists",
	codes.PermissionDenied:   "access_denied",
	codes.Unauthenticated:    "unauthenticated",
	codes.Unimplemented:      "not_implemented",
	codes.InvalidArgument:    "bad_parameter",
	codes.OutOfRange:         "out_of_range",
	codes.ResourceExhausted:  "limit_exceeded",
	codes.Unavailable:        "connection_problem",
	codes.DeadlineExceeded:   "deadline_exceeded",
	codes.Canceled:           "canceled",
	codes.Internal:           "internal",
	codes.DataLoss:           "data_loss",
	codes.Unknown:            "unknown",
}

var unanswered = map[codes.Code]bool{
	codes.Unavailable:      true,
	codes.DeadlineExceeded: true,
	codes.Canceled:         true,
	codes.Internal:         true, // gRPC uses it for a stream that broke
	codes.DataLoss:         true,
	codes.Unknown:          true,
}

// codeOf finds the gRPC code of an error. The api translates most of them to
// trace's types, but not those that open a stream.
func codeOf(err error) codes.Code {
	switch {
	case trace.IsNotFound(err):
		return codes.NotFound
	case trace.IsCompareFailed(err):
		return codes.FailedPrecondition
	case trace.IsAccessDenied(err):
		return codes.PermissionDenied
	case trace.IsNotImplemented(err):
		return codes.Unimplemented
	case trace.IsAlreadyExists(err):
		return codes.AlreadyExists
	case trace.IsBadParameter(err):
		return codes.InvalidArgument
	case trace.IsLimitExceeded(err):
		return codes.ResourceExhausted
	case trace.IsConnectionProblem(err), errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return codes.Unavailable
	case errors.Is(err, context.DeadlineExceeded):
		return codes.DeadlineExceeded
	case errors.Is(err, context.Canceled):
		return codes.Canceled
	}
	if s, ok := status.FromError(err); ok {
		return s.Code()
	}
	return codes.Unknown
}

// maxErrorBytes keeps a log line readable: the errors of five ways to connect
// fill a page.
const maxErrorBytes = 600

// oneLine is an error whose text fits in one log line. The cause stays
// reachable for errors.Is and errors.As.
type oneLine struct{ err error }

func (o oneLine) Error() string {
	s := strings.Join(strings.Fields(o.err.Error()), " ")
	if len(s) > maxErrorBytes {
		s = strings.ToValidUTF8(s[:maxErrorBytes], "") + "…"
	}
	return s
}

func (o oneLine) Unwrap() error { return o.err }
