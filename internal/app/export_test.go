package app

import "context"

// CheckToken checks the token file now.
func (a *App) CheckToken(ctx context.Context) { a.token.check(ctx) }

// RecheckAuth checks now whether Slack still accepts the token.
func (a *App) RecheckAuth(ctx context.Context, refused bool) bool {
	return a.auth.recheck(ctx, refused)
}
