// Package natsintake takes usage and commands over NATS.
//
// prepay.charge answers single charges by request, after the ledger's fsync.
// Requests that are in flight together go to the ledger in one round. Where
// more wait than the queue holds, a request is answered at once with
// "overloaded".
//
// prepay.usage is the subject of a JetStream work queue. A message is one
// webhook, one charge or a batch of lines of either, plain or compressed; it
// is acknowledged when everything in it is on disk, and so it may come more
// than once, which changes nothing (R8). What can't be read is quarantined and
// never in the way (R10).
//
// prepay.command.<Name> gives commands by request.
package natsintake

import "time"

// Limits of the intake.
const (
	// MaxWaitingCharges is how many requests for charges may wait for their
	// round.
	MaxWaitingCharges = 4096
	// MaxRequestBytes bounds a request; a larger one is refused: 64 KiB.
	MaxRequestBytes = 64 << 10
	// MaxHeldBytes bounds the requests for charges that are not answered yet;
	// beyond it the ledger is overloaded: 32 MiB.
	MaxHeldBytes = 32 << 20
	// MaxRoundCharges bounds the charges of one round.
	MaxRoundCharges = 512
	// MaxRounds is how many rounds are on their way to disk at once.
	MaxRounds = 16
	// MaxWaitingCommands is how many requests for commands may wait.
	MaxWaitingCommands = 1024
	// CommandWorkers is how many commands are worked at once.
	CommandWorkers = 64
	// RetryAfter is what an overloaded ledger asks for (time).
	RetryAfter = 100 * time.Millisecond
	// MaxReplyWait bounds how long a request waits for the ledger (time);
	// then its outcome is unknown.
	MaxReplyWait = 30 * time.Second
	// DefaultDrainTimeout bounds how long Run takes to finish what it has
	// (time).
	DefaultDrainTimeout = 5 * time.Second

	// MaxPrefetchBytes bounds what is fetched from the work queue ahead, where
	// the server takes no larger messages than half of it: 16 MiB.
	MaxPrefetchBytes = 16 << 20
	// MaxAckPending bounds the messages that are fetched and not yet
	// acknowledged.
	MaxAckPending = 8192
	// DefaultAckWait is after how long a message that was not acknowledged
	// comes again (time).
	DefaultAckWait = 30 * time.Second
	// MaxDeliver is how often a message is tried whose charges the ledger
	// can't decide, although it can be reached; then they are quarantined.
	MaxDeliver = 5
	// MinRetryDelay and MaxRetryDelay bound the pause before a message comes
	// again (time); it doubles with every delivery.
	MinRetryDelay = 100 * time.Millisecond
	MaxRetryDelay = 30 * time.Second
	// MaxFlightCharges bounds the charges that go to the ledger together.
	MaxFlightCharges = 2048
	// MaxFlights is how many such groups are on their way to disk at once.
	MaxFlights = 16
	// MaxUnpackedBytes bounds what a compressed message may unpack to: 1 GiB.
	MaxUnpackedBytes = 1 << 30
)

// Names of the queue group and of the durable consumer.
const (
	// QueueGroup shares the requests among the ledger's processes.
	QueueGroup = "prepay"
	// UsageConsumer is the durable consumer of the work queue.
	UsageConsumer = "prepay-intake"
)

// Actors in the events of what comes over NATS without an actor of its own.
const (
	actorCharge = "nats:charge"
	actorUsage  = "nats:usage"
)
