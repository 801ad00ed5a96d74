package teleport

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/gravitational/trace"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/teleport-slack/teleport-slack/internal/fault"
)

func TestClassify(t *testing.T) {
	for _, tc := range []struct {
		name         string
		err          error
		reason       string
		read, writes fault.Class
	}{
		{"gone", trace.NotFound("x"), "not_found", fault.NotFound, fault.NotFound},
		{"wrapped", fmt.Errorf("a: %w", trace.Wrap(trace.NotFound("x"))), "not_found", fault.NotFound, fault.NotFound},
		{"lost compare-and-swap", trace.CompareFailed("x"), "compare_failed", fault.Conflict, fault.Conflict},
		{"already there", trace.AlreadyExists("x"), "already_exists", fault.Conflict, fault.Conflict},
		{"denied", trace.AccessDenied("x"), "access_denied", fault.Denied, fault.Denied},
		{"denied, as a status", status.Error(codes.PermissionDenied, "x"), "access_denied", fault.Denied, fault.Denied},
		{"unauthenticated", status.Error(codes.Unauthenticated, "x"), "unauthenticated", fault.Denied, fault.Denied},
		{"old server", trace.NotImplemented("x"), "not_implemented", fault.Unsupported, fault.Unsupported},
		{"old server, as a status", status.Error(codes.Unimplemented, "x"), "not_implemented", fault.Unsupported, fault.Unsupported},
		{"bad parameter", trace.BadParameter("x"), "bad_parameter", fault.Bug, fault.Bug},
		{"too much", trace.LimitExceeded("x"), "limit_exceeded", fault.Retry, fault.Retry},
		{"connection", trace.ConnectionProblem(nil, "x"), "connection_problem", fault.Retry, fault.Unknown},
		{"unavailable", status.Error(codes.Unavailable, "x"), "connection_problem", fault.Retry, fault.Unknown},
		{"deadline", context.DeadlineExceeded, "deadline_exceeded", fault.Retry, fault.Unknown},
		{"deadline, as a status", status.Error(codes.DeadlineExceeded, "x"), "deadline_exceeded", fault.Retry, fault.Unknown},
		{"canceled", context.Canceled, "canceled", fault.Retry, fault.Unknown},
		{"end of stream", io.EOF, "connection_problem", fault.Retry, fault.Unknown},
		{"broken stream", status.Error(codes.Internal, "x"), "internal", fault.Retry, fault.Unknown},
		{"anything", errors.New("x"), "unknown", fault.Retry, fault.Unknown},
		{"classified already", fault.New(fault.Permanent, "", "mine"), "mine", fault.Permanent, fault.Permanent},
	} {
		t.Run(tc.name, func(t *testing.T) {
			for eff, want := range map[effect]fault.Class{reads: tc.read, writes: tc.writes} {
				e, ok := fault.As(classify("do", tc.err, eff))
				if !ok || e.Class != want || e.Reason != tc.reason {
					t.Errorf("classify(writes %v) = %+v, want %v %s", eff, e, want, tc.reason)
				}
				if !errors.Is(e, tc.err) {
					t.Error("the cause is lost")
				}
			}
		})
	}
	if err := classify("do", nil, writes); err != nil {
		t.Errorf("classify(nil) = %v", err)
	}
}

func TestErrorsFitOneLine(t *testing.T) {
	s := oneLine{errors.New("a\n\tb  c" + strings.Repeat(" 다", 400))}.Error()
	if strings.ContainsAny(s, "\n\t") || len(s) > maxErrorBytes+len("…") || !strings.HasPrefix(s, "a b c") {
		t.Errorf("got %d bytes: %q", len(s), s)
	}
	if strings.ContainsRune(s, '�') {
		t.Error("a character is split")
	}
}

// What a person has to put right is fatal, and what may pass is not.
func TestConnectError(t *testing.T) {
	valid := &credentials{source: "id.pem", notAfter: time.Now().Add(time.Hour)}
	expired := &credentials{source: "id.pem", notAfter: time.Now().Add(-time.Hour)}
	for _, tc := range []struct {
		name, text string
		creds      *credentials
		class      fault.Class
		reason     string
	}{
		{"refused", "dial tcp 127.0.0.1:1: connect: connection refused", valid, fault.Retry, "connection_refused"},
		{"no name", "lookup teleport.example: no such host", valid, fault.Retry, "no_such_host"},
		{"timeout", "context deadline exceeded", valid, fault.Retry, "unknown"},
		{"refused certificate", "error reading server preface: remote error: tls: bad certificate", valid, fault.Fatal, "certificate_refused"},
		{"revoked through the tunnel", "ssh: handshake failed: ssh: unable to authenticate, attempted methods [none publickey]", valid, fault.Fatal, "certificate_refused"},
		{"expired, whatever the network says", "connection refused", expired, fault.Fatal, "certificate_expired"},
		{"expired, refused", "remote error: tls: expired certificate", expired, fault.Fatal, "certificate_expired"},
		{"a proxy's web certificate", "x509: certificate signed by unknown authority", valid, fault.Retry, "unknown"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			e, _ := fault.As(connectError("connect", errors.New(tc.text), tc.creds))
			if e == nil || e.Class != tc.class || e.Reason != tc.reason {
				t.Fatalf("got %+v, want %v %s", e, tc.class, tc.reason)
			}
			if tc.class == fault.Fatal && e.Hint == "" {
				t.Error("no hint")
			}
			if tc.creds == expired && !strings.Contains(e.Error(), "id.pem") {
				t.Errorf("the file is not named: %v", e)
			}
		})
	}
}
