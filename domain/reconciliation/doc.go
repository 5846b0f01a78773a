// Package reconciliation compares what was charged in a billing month with
// Meta's invoice and decides what is posted (R24 to R31). It is pure: no
// clock, no store, no map order.
//
// There are two streams. metainvoice-<invoice id> (type MetaInvoice) keeps
// Meta's documents, line by line and byte by byte, and what Finance allocated
// by hand. reconciliation-<YYYY-MM> (type Reconciliation) keeps the runs of a
// month: proposed by one person, approved by another, then posted (R29).
// Compute is the mathematics between them.
//
// # What a run posts
//
// Per account and Key (WABA, market, category, pricing type):
//
//	difference = charged − invoiced
//	post       = difference − what earlier runs posted (R28)
//
// so that after every run charges less adjustments equal the invoice, line by
// line and in total (R25), whatever came late or was corrected.
//
// The sign of a document's figures comes from its type: INV and DM add, CM
// lowers, also where it is given with negative figures. An INV line with a
// negative amount takes back its volume, too.
//
// # Where a line of the invoice belongs
//
// The first that fits (R27): what Finance allocated by hand; no account has
// the WABA: unallocated; only direct channels: direct, nobody's prepayment; a
// WABA with both kinds of channels: by phone_number_id, unallocated without;
// one account: its own; several: the account that has the phone_number_id,
// else split by each one's charged share of the key, else of the WABA, else
// unallocated. Parts of a split are exact to ShareDecimals, the last account
// (by id) with a share takes the rest, so they sum to the line. Where the
// accounts that share a WABA have different currencies, the shares are of the
// plain figures.
//
// # Currency
//
// A line in another currency than the account's is multiplied with the rate
// that came with its document, exactly. The sum of an account's converted
// lines is then rounded half even to the minor unit, and the rounding is a
// line of its own, with the empty Key (R30).
//
// # How a difference is explained
//
// In parts that sum to the difference exactly (R26). q and u are charged count
// and mean price, Q and U what was invoiced. Each step works on what the steps
// before it left.
//
//   - late: all usage that came after the month was first posted, whether or
//     not the invoice has it by now. Charged 10 at 0.05 of which 1 came late,
//     invoiced 10: late +0.05 and quantity −0.05 (there was one too few).
//   - free: more was charged than invoiced, and Meta counted more free
//     conversations of the WABA, market and category than we did: that many of
//     the surplus, at u. Charged 10, invoiced 8 and 2 free_customer_service:
//     free 2 × u.
//   - category: in the same WABA and market the surplus of one category is the
//     exact opposite of another's. Charged 10 marketing and 5 utility, invoiced
//     7 and 8: 3 moved: marketing has +3 × its u, utility −3 × its u (−3 × U
//     where nothing was charged there); together that is what the move cost.
//   - missing_at_meta: charged, and no line of the invoice has the key.
//   - missing_here: invoiced, and nothing was charged.
//   - tier: Meta's unit price is another volume tier's rate of the card:
//     Q × (u − U) of the lines of which that is true.
//   - quantity: (q − Q) × u.
//   - rate: Q × (u − U), of the lines of which tier is not true.
//   - currency: lines in another currency have two reasons for another price.
//     Where the card's price p in Meta's currency is known, Q × (p × fx − U) is
//     tier or rate and Q × (u − p × fx) is currency; else all of it is
//     currency: prices in different currencies have no common rate.
//   - rounding: what the division for u left, and R30's rounding.
//
// A line without difference and without posting has no parts.
package reconciliation
