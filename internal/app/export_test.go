package app

import "context"

// LookAtToken looks at the token's file now.
func (a *App) LookAtToken(ctx context.Context) { a.lookAtToken(ctx) }

// AskSlackAgain asks now whether Slack still knows us.
func (a *App) AskSlackAgain(ctx context.Context, refused bool) bool { return a.askAgain(ctx, refused) }
