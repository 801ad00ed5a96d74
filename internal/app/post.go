package app

import (
	"context"
	"log/slog"

	"github.com/teleport-slack/teleport-slack/internal/config"
	"github.com/teleport-slack/teleport-slack/internal/message"
	"github.com/teleport-slack/teleport-slack/internal/slack"
)

// Post posts one message of no request to a recipient as the configuration
// names them, and returns where it went. It has no tag: nothing follows it.
func Post(ctx context.Context, c config.Config, to string, m message.Message) (string, error) {
	transport, err := slack.NewTransport(slack.TransportOptions{ExtraCAs: c.Slack.ExtraCAs})
	if err != nil {
		return "", err
	}
	client := slack.New(slack.Options{
		Token:     c.Slack.Token.Reveal,
		APIURL:    c.Slack.APIURL,
		Transport: transport,
		Log:       slog.New(slog.DiscardHandler),
	})
	defer client.Close()
	recipient, err := client.Resolve(ctx, to)
	if err != nil {
		return "", err
	}
	ref, err := client.Post(ctx, message.Post{Channel: recipient.ID, Message: m})
	if err != nil {
		return "", err
	}
	return ref.Channel + " at " + ref.TS, nil
}
