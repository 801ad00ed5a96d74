package message

// Slack's limits, in characters as they are sent: an escaped & is five.
const (
	// https://docs.slack.dev/reference/block-kit/blocks/section-block and
	// https://docs.slack.dev/reference/block-kit/composition-objects/text-object
	maxSectionChars = 3000
	maxContextChars = 3000
	// https://docs.slack.dev/reference/block-kit/blocks/context-block
	maxContextElements = 10
	// https://docs.slack.dev/reference/block-kit/blocks
	maxBlocks = 50
	// Not documented: beyond about this many characters over all blocks Slack
	// answers msg_blocks_too_long, see github.com/slackapi/bolt-js issue 2509.
	maxBlocksChars = 13200
	// chat.update answers msg_too_long beyond this, chat.postMessage would take more.
	maxTextChars = 4000
)

// limit bounds one value from outside twice: runes counts its characters, chars
// counts them after escaping.
type limit struct{ runes, chars int }

// Our own limits. Together they keep the worst message, where every character
// is an ampersand, below maxBlocksChars with the link still in it; a test adds
// them up by rendering it.
var (
	// The published plugin's limit for reasons and for lists of names.
	reasonLimit = limit{runes: 400, chars: 2000}
	listLimit   = limit{runes: 400, chars: 1000}
	// A role's logins, and a role that has its own line.
	loginLimit = limit{runes: 400, chars: 600}
	// Users, clusters, reviewers. An email address has at most 254 characters.
	nameLimit = limit{runes: 256, chars: 400}
	// Names of deciding reviewers, of whom there may be several.
	deciderLimit = limit{runes: 64, chars: 100}
	// Names of thresholds, of which there may be several.
	thresholdLimit = limit{runes: 64, chars: 100}
	// A name within the line for notifications.
	textNameLimit = limit{runes: 40, chars: 45}
)

const (
	// Principals of one resource before they are counted.
	maxPrincipals = 10
	// All lines of roles with logins together.
	maxRoleLinesChars = 1700
	// Thresholds that are listed by name.
	maxThresholds = 5
	// Names that the line for notifications lists before it counts.
	maxTextNames = 2
	// The line for notifications is filled up to here with the reason; phones
	// show about two lines. Long names may take it to maxTextLineChars.
	fillTextLineChars = 150
	maxTextLineChars  = 300
	// A request's ID is never cut: a longer one is none of Teleport's, see
	// link.go.
	maxIDChars = 128
)
