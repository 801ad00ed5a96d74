package fault_test

import (
	"testing"

	"github.com/teleport-slack/teleport-slack/internal/fault"
)

func TestTemporary(t *testing.T) {
	for _, tt := range []struct {
		err  error
		want bool
	}{
		{fault.New(fault.Retry, "", ""), true}, {fault.New(fault.Unknown, "", ""), true}, {fault.New(fault.NotFound, "", ""), false},
		{fault.New(fault.Fatal, "", "invalid_auth"), true}, {fault.New(fault.Fatal, "", "missing_scope"), false}, {fault.New(fault.Permanent, "", ""), false},
	} {
		if got := fault.Temporary(tt.err); got != tt.want {
			t.Errorf("Temporary(%+v) = %v", tt.err, got)
		}
	}
}
