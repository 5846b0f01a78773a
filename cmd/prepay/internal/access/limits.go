package access

import "time"

// Limits of what is kept. They bound memory: all but the log is held in it.
const (
	// MaxUsers is how many people may have been invited (count).
	MaxUsers = 10_000
	// MaxKeys is how many API keys there may be, revoked ones among them (count).
	MaxKeys = 10_000
	// MaxSessions is how many sessions one user has at a time (count); the one
	// that was used longest ago ends when another begins.
	MaxSessions = 20
	// MaxAllSessions is how many sessions there are at a time (count).
	MaxAllSessions = 100_000
	// MaxPartners is how many accounts one partner's user or key has (count).
	MaxPartners = 100
	// MaxKeyName is how long a key's name may be (bytes).
	MaxKeyName = 64
	// MaxSessionData is how much one session may carry (bytes).
	MaxSessionData = 16 << 10
	// MaxLogPage is how many entries of the log are read at a time (count).
	MaxLogPage = 500
)

// Passwords.
const (
	// MinPassword and MaxPassword bound a password (characters).
	MinPassword = 12
	MaxPassword = 256
	// minDifferent is how many different characters a password has (count):
	// aaaaaaaaaaaa is none.
	minDifferent = 5
	// maxHashing is how many passwords are hashed at a time (count): each takes
	// passwordMemory and a core.
	maxHashing = 2
	// maxWaiting is how many wait for that (count); more are refused.
	maxWaiting = 64
)

// How long things hold (time).
const (
	// InvitationLife is how long an invitation can be accepted.
	InvitationLife = 72 * time.Hour
	// ResetLife is how long a password can be set by a reset.
	ResetLife = time.Hour
	// ForgotEvery is how often a user may be sent a reset of their own asking.
	ForgotEvery = 5 * time.Minute
	// KeyLife is how long a key holds that is made without an expiry.
	KeyLife = 365 * 24 * time.Hour
	// MaxOverlap is how long a key's old secret may hold beside the new one.
	MaxOverlap = 7 * 24 * time.Hour
	// SessionLife is how long a session holds at most, used or not.
	SessionLife = 12 * time.Hour
	// SessionIdle is how long a session holds without a request.
	SessionIdle = 30 * time.Minute
	// PartnerIdle is SessionIdle for partners, who only look after their own
	// account and look again over a working day.
	PartnerIdle = 2 * time.Hour
	// tidyEvery is how often what was used is written down, and what ended is
	// deleted.
	tidyEvery = time.Minute
	// usePrecision is how exactly the last use of a key or session is known.
	usePrecision = time.Minute
)

// Guessing.
const (
	// freeFailures is how often a password may be wrong without a delay (count).
	freeFailures = 5
	// firstDelay is the delay after the next failure; each one after it doubles
	// it, up to maxDelay (time).
	firstDelay = time.Minute
	maxDelay   = time.Hour
	// forgetFailures is after how long without a failure they are forgotten
	// (time).
	forgetFailures = 24 * time.Hour
	// maxUnknown is how many addresses without a user are watched (count).
	maxUnknown = 100_000
	// addressFailures is how many failures a client address has before it must
	// wait (count), and addressRefill how long it takes for one to be forgotten
	// (time). A company behind one address has all of them together.
	addressFailures = 30
	addressRefill   = 20 * time.Second
	// maxAddresses is how many client addresses are watched (count).
	maxAddresses = 100_000
	// failuresLogged is how many failures are logged a minute (count); of more,
	// the number is.
	failuresLogged = 60
)
