package demo

import (
	"context"
	"errors"
	"io"
)

func playScenario(ctx context.Context, w io.Writer) error { return errors.New("not built yet") }
