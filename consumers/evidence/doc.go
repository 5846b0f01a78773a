// Package evidence opens a difference of a month to what stands behind it:
// the charges in the account's stream and the lines of Meta's documents (R26).
//
// The charges are read as a stream, twice: first for what was taken back, then
// for the charges themselves. Nothing is kept but the ids of charges of the
// line that were taken back (MaxCorrected), so memory does not grow with the
// account.
//
// Meta names no conversations. Where its invoice has fewer than were charged
// here, nobody can say which ones it left out: all of them are candidates, and
// Part.Says says so. What ties exactly are the sums: those of all charges and
// all lines are the figures of the comparison, to the last digit (Sums.Tie).
package evidence
