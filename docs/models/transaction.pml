// SPDX-License-Identifier: Apache-2.0
// A transactional message: half message, barrier, check-back. One transaction, with everything that may happen
// to it: the initiator dies between any two steps, the broker restarts, messages are lost, late, and doubled, two
// checkers answer at the same time. docs/models/README.md says what stands for what; scripts/models runs it.
//
// Mutants, each of which must be found out: PLAIN_SELECT, SEND_INSIDE, DECIDES_TWICE.

#define MAX_CHECKS 3
#define LOSSES 2   // messages and answers that may be lost
#define CRASHES 2  // of the broker

mtype = { COMMIT, ROLLBACK };

// The initiator's database. A row that is inserted and not yet committed locks its key.
mtype = { ABSENT, LOCKED, COMMITTED, MARKED };
mtype barrier = ABSENT; // LOCKED by the business transaction; MARKED by a check: rolled back for good
mtype = { IDLE, OPEN, DONE, UNDONE };
mtype business = IDLE;

// The broker's log: what it has written survives its restart.
mtype = { NO_HALF, WAITING, VISIBLE, DISCARDED, PARKED };
mtype half = NO_HALF;
byte delivered = 0;
byte checks = 0;

chan ends = [3] of { mtype };   // END_TRANSACTION
chan asked = [2] of { bit };    // CHECK_TRANSACTION_STATE
byte losses = 0;
byte crashes = 0;
bool initiator_gone = false;

// Puts an END on its way: it arrives, arrives twice, or is lost.
inline say_end(what)
{
    if
    :: nfull(ends) -> ends!what
    :: atomic { len(ends) < 2 -> ends!what; ends!what }
    :: atomic { losses < LOSSES -> losses++ }
    fi
}

// The connection of who dies ends his transaction.
inline die()
{
    atomic {
        if
        :: business == OPEN -> business = UNDONE; barrier = (barrier == LOCKED -> ABSENT : barrier)
        :: else -> skip
        fi;
        initiator_gone = true;
        goto gone
    }
}

active proctype Initiator()
{
#ifdef SEND_INSIDE
    // What many write first: the message is sent inside the local transaction, as an ordinary one.
    atomic { business = OPEN; barrier = LOCKED };
    delivered++;
    half = VISIBLE;
    if
    :: atomic { business = DONE; barrier = COMMITTED }
    :: die()
    fi;
#else
    if
    :: half = WAITING    // durable before it is answered
    :: die()             // never sent, or refused: the local transaction is not begun
    fi;
    if :: skip :: die() fi;
    // The marker row first: somebody may have decided already.
    atomic {
        if
        :: barrier == ABSENT -> barrier = LOCKED; business = OPEN
        :: barrier == MARKED -> business = UNDONE
        fi
    };
    if :: skip :: die() fi;
    if
    :: business == OPEN -> atomic { business = DONE; barrier = COMMITTED }
    :: business == OPEN -> atomic { business = UNDONE; barrier = ABSENT } // its own decision
    :: business == UNDONE -> skip
    fi;
    if :: skip :: die() fi;
    if
    :: business == DONE -> say_end(COMMIT)
    :: business == UNDONE -> say_end(ROLLBACK)
    :: skip // left to the check
    fi;
#endif
    initiator_gone = true;
gone:
    skip
}

inline decide(what)
{
    if
    :: what == COMMIT && (half == WAITING || half == PARKED) -> half = VISIBLE; delivered++
#ifdef DECIDES_TWICE
    :: what == COMMIT && half == VISIBLE -> delivered++
#endif
    :: what == ROLLBACK && (half == WAITING || half == PARKED) -> half = DISCARDED
    :: else -> skip // decided already
    fi
}

active proctype Broker()
{
    mtype what;
end:
    do
    :: atomic { ends?what -> decide(what) }
    :: atomic { half == WAITING && checks < MAX_CHECKS && nfull(asked) -> checks++; asked!0 }
    :: atomic { half == WAITING && checks < MAX_CHECKS && losses < LOSSES -> checks++; losses++ }
    // Nothing is on its way any more: kept and listed, and still decided by a late answer.
    :: atomic { half == WAITING && checks == MAX_CHECKS && empty(asked) && empty(ends) -> half = PARKED }
    :: atomic { // kill -9: what was on its way is lost, what was written is there
           crashes < CRASHES -> crashes++;
           do :: ends?what :: empty(ends) -> break od;
           do :: asked?_ :: empty(asked) -> break od
       }
    od
}

// Two instances of the producer group.
active [2] proctype Checker()
{
    mtype answer;
end:
    do
    :: asked?_ ->
#ifdef PLAIN_SELECT
        // Looks for the committed row, and takes its absence for a rollback.
        if
        :: atomic { barrier == COMMITTED -> answer = COMMIT }
        :: atomic { barrier != COMMITTED -> answer = ROLLBACK }
        fi;
#else
        // Inserts the rollback marker on the same key: waits for an open transaction, or gives up.
        if
        :: atomic { barrier == COMMITTED -> answer = COMMIT }
        :: atomic { barrier == ABSENT -> barrier = MARKED; answer = ROLLBACK }
        :: atomic { barrier == MARKED -> answer = ROLLBACK }
        :: atomic { barrier == LOCKED && losses < LOSSES -> losses++; goto end } // lock time-out: unknown
        fi;
#endif
        if
        :: say_end(answer)
        :: atomic { losses < LOSSES -> losses++ } // it dies before it answers
        fi
    od
}

// ---- what must hold, always ----
active proctype Judge()
{
end:
    atomic {
        (half == DISCARDED && business == DONE) || (delivered > 0 && business == UNDONE) || delivered > 1 ->
        assert(!(half == DISCARDED && business == DONE)); // a discarded message of a committed transaction
        assert(!(delivered > 0 && business == UNDONE));   // a delivered message of one that never was
        assert(delivered <= 1)                            // delivered twice
    }
}

// With the losses above, and then none: decided, or parked where an operator sees it.
ltl decided { <> (half == VISIBLE || half == DISCARDED || half == PARKED || (half == NO_HALF && initiator_gone)) }
// Parked is the last word only when the truth never came through.
ltl agrees { [] (half == VISIBLE -> business == DONE) }
