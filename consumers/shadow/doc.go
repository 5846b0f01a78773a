// Package shadow asks what a month would have come to under other terms. It
// reads the log, records nothing, and answers two questions:
//
//   - Rates: what the month's charges would have cost under other rate cards.
//     Charges are streamed; market, category, pricing model and time are in
//     their events, and the volume tier is the one that was recorded, matched
//     by its lower bound. Volumes would have reached the same tiers: the
//     number of messages does not change.
//   - Policy: how often the card would have been charged, and how long an
//     account would have been in grace or blocked, under another threshold,
//     recharge amount or grace period. See Policy for the method and what it
//     can't know.
package shadow
