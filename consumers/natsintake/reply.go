package natsintake

import (
	"encoding/json"
	"fmt"

	"github.com/nats-io/nats.go"

	"prepayledger/consumers/commandjson"
	"prepayledger/consumers/intake"
	"prepayledger/domain"
	"prepayledger/domain/money"
)

// ErrorBody is what an error reply says.
type ErrorBody struct {
	Code         string `json:"code" jsonschema_description:"Stable, for machines: a rejection's code, or invalid_request, unknown_command, overloaded, conflict, unavailable, outcome_unknown, failed."`
	Message      string `json:"message" jsonschema_description:"A sentence for people that says what to do."`
	RetryAfterMS int64  `json:"retry_after_ms,omitempty" jsonschema_description:"When to try again, in milliseconds; only with overloaded."`
}

// ErrorReply answers a request that was not done.
type ErrorReply struct {
	Error ErrorBody `json:"error"`
}

// ChargeReply answers prepay.charge: what became of the charge, on disk.
type ChargeReply = intake.ChargeReply

// CommandReply answers prepay.command.<Name>: done, on disk. The figures say
// how the account stands now; they are absent where they could not be looked
// up.
type CommandReply struct {
	OK            bool            `json:"ok"`
	CommandID     string          `json:"command_id,omitempty" jsonschema:"format=uuid" jsonschema_description:"As given."`
	PartnerID     string          `json:"partner_id"`
	Currency      money.Currency  `json:"currency,omitempty"`
	Balance       *money.Amount   `json:"balance,omitempty"`
	AmountDue     *money.Amount   `json:"amount_due,omitempty" jsonschema_description:"What the balance is below zero, else zero (R19)."`
	Standing      domain.Standing `json:"standing,omitempty" jsonschema:"enum=active,enum=grace,enum=blocked,enum=closed"`
	BlockedReason string          `json:"blocked_reason,omitempty" jsonschema_description:"overdue, manual or overdue+manual (R23)."`
}

// overloaded is the reply to a request that finds the queue full.
func overloaded() ErrorReply {
	return ErrorReply{ErrorBody{
		Code: commandjson.CodeOverloaded, Message: "Too many requests wait already, nothing was done: try again a little later.",
		RetryAfterMS: RetryAfter.Milliseconds(),
	}}
}

func invalid(message string) ErrorReply {
	return ErrorReply{ErrorBody{Code: commandjson.CodeInvalidRequest, Message: message}}
}

func tooLarge(msg *nats.Msg) ErrorReply {
	return invalid(fmt.Sprintf("The request has %d bytes, at most %d are taken; nothing was done.", len(msg.Data), MaxRequestBytes))
}

// errorReply tells rejections, conflicts and failures apart.
func errorReply(err error) ErrorReply {
	p := commandjson.ProblemOf(err)
	return ErrorReply{ErrorBody{Code: p.Code, Message: p.Message}}
}

// passes says that a failure is the whole ledger's, or bad luck, and will
// pass: the same will be decided later.
func passes(err error) bool {
	switch commandjson.ProblemOf(err).Code {
	case commandjson.CodeUnavailable, commandjson.CodeOutcomeUnknown, commandjson.CodeConflict:
		return true
	default:
		return false
	}
}

// respond answers a request; one that asked for no answer gets none.
func (i *Intake) respond(msg *nats.Msg, reply any) {
	if msg.Reply == "" {
		return
	}
	data, err := json.Marshal(reply)
	if err == nil {
		err = msg.Respond(data)
	}
	if err != nil {
		i.unanswered(msg, err)
	}
}
