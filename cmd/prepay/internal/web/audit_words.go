package web

import (
	"github.com/google/uuid"

	"prepayledger/cmd/prepay/internal/web/ui"
	"prepayledger/domain/money"
)

// signed is an amount with its sign, without a currency.
func signed(a money.Amount) string {
	if a.Sign() > 0 {
		return "+" + a.String()
	}
	return "−" + a.Abs().String()
}

// idText is an id for people; none is a dash.
func idText(id uuid.UUID) string {
	if id == uuid.Nil {
		return "–"
	}
	return id.String()
}

// outcomeTone is what a verification's outcome means.
func outcomeTone(outcome string) ui.Tone {
	switch outcome {
	case verified:
		return ui.Good
	case verifyBusy:
		return ui.Warn
	}
	return ui.Bad
}

// outcomeWords is an outcome for people.
func outcomeWords(outcome string) string {
	switch outcome {
	case verified:
		return "all is whole"
	case verifyBusy:
		return "not decided"
	case verifyDiffers:
		return "something differs"
	}
	return "not finished"
}

// verificationSaid is what screen readers read when the state changes.
func verificationSaid(last, running *verification) string {
	switch {
	case running != nil:
		return "A verification runs."
	case last != nil:
		return "The verification has ended: " + outcomeWords(last.Outcome) + "."
	}
	return ""
}
