/*
 * Garbage by epoch and settled number: an executable specification of
 *
 *   "A file that no record references and whose epoch has ended, or whose number is below its epoch's settled number,
 *    is garbage for ever."
 *
 * Every rule is a switch R_..., 1 = in force. The switches marked (+) are rules that are easily overlooked: the sentence above does
 * not follow without them; -DAS_WRITTEN takes them all away. run.sh checks the full set and then takes each rule away alone.
 *
 * Time is abstract (retention 0): whatever may happen, may happen at once or arbitrarily late. Hence there is one process,
 * whose options are the effects that can land next. Crash = nothing more of that party is scheduled.
 *
 * Encoding of all sweeps of all coordinators, zombies included: a decision on a file needs three facts, seen one after the
 * other in a fixed order, at any distance in time; st[f] counts how many have been seen. Nothing that a sweep sees or decides
 * guards anything else, so an older sighting allows whatever a younger one allows: one counter per file, advanced as soon as
 * the next fact is true, stands for every number of sweeps with views of every age. A decided delete (st = 3) may land at any
 * time, any number of times. The same holds for what a dropped sweep has seen.
 *
 * Encoding of delayed transactions: a slot holds a transaction built from facts read at one moment; it may land at any later
 * moment or never. A compare that can only fail is applied by clearing the slot (fewer states, same behaviour). With R_PROG and
 * R_SEG in force everything that the transaction was built from is compared, so building and landing are one step (MERGED).
 * A term change only makes transactions of the old term impossible, which "may never land" covers: terms need no state. The term
 * guard is therefore off in every run here (a zombie leader commits and sweeps as it likes); nothing in this file needs it.
 *
 *   channel: epoch 1 (node A, a zombie once epoch 2 is recorded), epoch 2 (node B); flushes 0, 1 by A, 2, 3 by B;
 *            flush i carries data unit i % 2, B flushes again what is not recorded when its epoch begins
 *   files:   0 .. NA-1 = (epoch 1, number), NA .. NA+NB-1 = (epoch 2, number), FJ, FJ+1 = output of job epoch 1, 2
 *   segments: 0, 1 flushed into; 2, 3 output of job epoch 1, 2
 */

/* ---- size --------------------------------------------------------------------------------------------------------- */
#ifndef NA
#define NA 3                    /* numbers that A can use: two flushes and one repeated upload */
#endif
#ifndef NB
#define NB 2
#endif
#ifndef COMPACT
#define COMPACT 0               /* 1: compaction of segment 0 by job epoch 1, possibly superseded by job epoch 2 */
#endif
#ifndef DROPS
#define DROPS 1                 /* 1: the host may drop segments */
#endif
#ifndef PINS
#define PINS 0                  /* 1: a reader may pin segment 0 */
#endif
#ifndef ONESEG
#define ONESEG 0                /* 1: both flushes go to segment 0 */
#endif
#ifndef HANDOVER
#define HANDOVER 1              /* 1: epoch 2 may be granted */
#endif
#ifndef THREE
#define THREE 0                 /* 1: flush 2 is a third flush of A in progress at once (without HANDOVER) */
#endif
#ifndef COPIES
#define COPIES 2                /* copies of one commit under way at once */
#endif
#ifndef QUIET
#define QUIET 0                 /* 1: check what is left when nothing more can happen */
#endif

/* ---- rules -------------------------------------------------------------------------------------------------------- */
#ifdef AS_WRITTEN
#define ADDED 0
#else
#define ADDED 1
#endif
#ifndef R_EPOCH
#define R_EPOCH 1               /* commit compares the channel entry: this epoch, in a state that allows commits */
#endif
#ifndef R_PROG
#define R_PROG 1                /* commit compares the progress record (unchanged since it was read) */
#endif
#ifndef R_SETTLED
#define R_SETTLED 1             /* commit refuses names below the recorded settled number */
#endif
#ifndef R_MAX
#define R_MAX 1                 /* settled (and checkpoint) never go back */
#endif
#ifndef R_OWN
#define R_OWN 1                 /* a file enters a record only through a commit of its own epoch */
#endif
#ifndef R_FRESH
#define R_FRESH 1               /* an upload of unknown outcome is repeated under a fresh number */
#endif
#ifndef R_SAMEBYTES
#define R_SAMEBYTES 0           /* with R_FRESH = 0: 1 = the repeated upload has the very same bytes */
#endif
#ifndef R_ONCE
#define R_ONCE 1                /* a name is never used again by another flush */
#endif
#ifndef R_LIVE
#define R_LIVE 1                /* the sweep passes over unsettled numbers of a live epoch */
#endif
#ifndef ORDER
#define ORDER 0                 /* 0: list, epochs, references. 1: list, references, epochs. 2: epochs, list, references.
                                   3: references, list, epochs */
#endif
#ifndef R_FILESFIRST
#define R_FILESFIRST 1          /* dropped sweep: files, then record */
#endif
#ifndef R_GONE
#define R_GONE 1                /* commit_replace is refused when an input is dropped */
#endif
#ifndef R_JOB
#define R_JOB 1                 /* commit_replace compares the job record (this job epoch) */
#endif
#ifndef R_ENDSTATE
#define R_ENDSTATE ADDED        /* (+) an epoch has also ended when its channel is unassigned or dropped */
#endif
#ifndef R_ENTRYREV
#define R_ENTRYREV ADDED        /* (+) writes to a channel entry compare the revision (or all of it, state included), so no ended
                                       epoch comes back. 0: "registered" compares node, incarnation and epoch only */
#endif
#ifndef R_SEG
#define R_SEG ADDED             /* (+) commit compares the segment record (unchanged since read). 0: "not dropped" is checked before, not in, the transaction */
#endif
#ifndef R_INPUT
#define R_INPUT ADDED           /* (+) commit_replace compares every input's segment record: unchanged since the job read its binlogs */
#endif
#ifndef R_GRANTONCE
#define R_GRANTONCE ADDED       /* (+) a grant lands at most once even though job records are deleted */
#endif
#ifndef R_KNOWN
#define R_KNOWN ADDED           /* (+) "the same flush id again" is recognised by binlogs/<segment>/<flush>, before any refusal.
                                       0: by the last flush id in progress only */
#endif
#ifndef R_SELF
#define R_SELF ADDED            /* (+) settled never passes the numbers of a flush whose outcome the node does not know, the one that
                                       carries it included */
#endif
#ifndef R_COLLECTING
#define R_COLLECTING ADDED      /* (+) dropped -> collecting is a transaction that compares "no pin"; pins are refused from then on;
                                       files are deleted only in collecting */
#endif
#ifndef R_DURABLE
#define R_DURABLE 1             /* the sweep believes in a drop only when it is known to be durable */
#endif

#define FJ (NA + NB)
#define NF (NA + NB + 2)

/* ---- object store ------------------------------------------------------------------------------------------------- */
byte obj[NF];                   /* 0 absent, 1 the bytes that the node was told are there, 2 other bytes */
bit pend[NF];                   /* a PUT under way */
bit pend2[NF];                  /* a second PUT of the same name (R_FRESH = 0) */
byte st[NF];                    /* orphan sweeps: facts seen; 3 = delete decided */

/* ---- nodes -------------------------------------------------------------------------------------------------------- */
#define IDLE 0
#define UPL 1                   /* uploading */
#define SENT 3                  /* commit_flush sent; may arrive at any time, any number of times, from now on */
#define DONE 4                  /* answered: committed */
#define GIVEN 5                 /* given up by the node, whatever was sent */
byte fs[4]; byte fn[4];         /* state and file of flush i */
bit sent[4];                    /* requests exist */
byte nxt[2];                    /* next number of A and B */
byte known;                     /* units that B found recorded when its epoch began */

/* ---- metadata store ----------------------------------------------------------------------------------------------- */
byte ent = 1;                   /* epoch in the channel entry */
#define LIVE 0                  /* pending, registered, releasing */
#define UNASSIGNED 1            /* or dropped: unassigned for ever */
byte est = LIVE;
bit complete = !R_ENTRYREV;               /* a copy of "epoch 1 is registered" is under way */
byte pep = 1; byte pset; byte pcp; byte plast = 9;      /* progress: epoch, settled, checkpoint, last flush id */
bit rec[4];                     /* binlogs/<segment>/<flush i> was committed */
#define NONE 0
#define OPEN 1                  /* growing .. flushed */
#define DROPPED 2
#define COLLECTING 3
#define COLLECTED 4
byte seg[4];
bit udrop[4];                   /* dropped by the host (not by a replace) */
bit seen[4];                    /* a dropped sweep saw that it may delete the segment's files */
bit pin;
byte jep;                       /* job record: 0 absent, 1 or 2 = its epoch */
bit gdup;                       /* a second copy of the grant of job epoch 1 */
byte ws[2];                     /* worker: 0 nothing, then UPL, UPD, SENT */
byte ju[2]; bit jstale[2];      /* flushes read from the input, and "the input's record has changed since" */
bit orec[2];                    /* output record; of file FJ+j, or of an input's file if R_OWN = 0 */
bit oshare[2];
bit stop;

/* ---- commit_flush transactions under way, COPIES per flush --------------------------------------------------------- */
bit ta[8]; byte tset[8]; byte tcp[8];

#define EP(i)   (THREE -> 1 : 1 + (i) / 2)
#define FSEG(i) (ONESEG -> 0 : (i) % 2)
#define NUM(i)  ((THREE || (i) < 2) -> fn[i] : fn[i] - NA)
#define OUT(i)  (fs[i] == UPL || fs[i] == SENT)

/* a file of segment s stands in record i / of job output j */
#define IN(i,f)   (rec[i] && fn[i] == (f))
#define JIN(j,f)  (orec[j] && ((oshare[j] && IN(0,f)) || (!oshare[j] && (f) == FJ + (j))))
#define REC1(i,f,bad) (IN(i,f) && seg[FSEG(i)] bad)
#define REF(f)  (REC1(0,f,< COLLECTED) || REC1(1,f,< COLLECTED) || REC1(2,f,< COLLECTED) || REC1(3,f,< COLLECTED) || \
                 (JIN(0,f) && seg[2] < COLLECTED) || (JIN(1,f) && seg[3] < COLLECTED))
/* the file must exist */
#define MUST(f) (REC1(0,f,== OPEN) || REC1(1,f,== OPEN) || REC1(2,f,== OPEN) || REC1(3,f,== OPEN) || \
                 (JIN(0,f) && seg[2] == OPEN) || (JIN(1,f) && seg[3] == OPEN) || \
                 (pin && seg[0] < COLLECTED && ((IN(0,f) && FSEG(0) == 0) || (IN(1,f) && FSEG(1) == 0) || \
                                                (IN(2,f) && FSEG(2) == 0) || (IN(3,f) && FSEG(3) == 0))))
#define OF(s,f) ((IN(0,f) && FSEG(0) == s) || (IN(1,f) && FSEG(1) == s) || (IN(2,f) && FSEG(2) == s) || (IN(3,f) && FSEG(3) == s) || \
                 (JIN(0,f) && s == 2) || (JIN(1,f) && s == 3))

/* ---- the rule under test ------------------------------------------------------------------------------------------ */
#define ENDED(e) (ent != (e) || (R_ENDSTATE && est != LIVE))
#define CLOSED(f) (!R_LIVE || \
  ((f) < NA -> (ENDED(1) || (pep == 1 && (f) < pset)) : \
  ((f) < FJ -> (ENDED(2) || (pep == 2 && (f) - NA < pset)) : jep != (f) - FJ + 1)))

#if ORDER == 0
#define FACT(f) (st[f] == 0 && obj[f]) || (st[f] == 1 && CLOSED(f)) || (st[f] == 2 && !REF(f))
#elif ORDER == 1
#define FACT(f) (st[f] == 0 && obj[f]) || (st[f] == 1 && !REF(f)) || (st[f] == 2 && CLOSED(f))
#elif ORDER == 2
#define FACT(f) (st[f] == 0 && CLOSED(f)) || (st[f] == 1 && obj[f]) || (st[f] == 2 && !REF(f))
#else
#define FACT(f) (st[f] == 0 && !REF(f)) || (st[f] == 1 && obj[f]) || (st[f] == 2 && CLOSED(f))
#endif

#define SIGHT(f) if :: FACT(f) -> st[f]++ :: else fi; if :: FACT(f) -> st[f]++ :: else fi; if :: FACT(f) -> st[f]++ :: else fi;

#define W_FILE(f) \
  :: d_step { pend[f] -> pend[f] = 0; obj[f] = 1 } \
  :: d_step { pend2[f] -> pend2[f] = 0; obj[f] = (R_SAMEBYTES -> 1 : 2); assert(R_SAMEBYTES || !MUST(f)) } \
  :: d_step { st[f] == 3 && obj[f] -> obj[f] = 0; assert(!MUST(f)) } \
  :: d_step { seen[0] && OF(0,f) && obj[f] && (R_FILESFIRST || seg[0] < COLLECTED) -> obj[f] = 0; assert(!MUST(f)) } \
  :: d_step { seen[1] && OF(1,f) && obj[f] && (R_FILESFIRST || seg[1] < COLLECTED) -> obj[f] = 0; assert(!MUST(f)) } \
  :: d_step { seen[2] && OF(2,f) && obj[f] && (R_FILESFIRST || seg[2] < COLLECTED) -> obj[f] = 0; assert(!MUST(f)) } \
  :: d_step { seen[3] && OF(3,f) && obj[f] && (R_FILESFIRST || seg[3] < COLLECTED) -> obj[f] = 0; assert(!MUST(f)) }

/* ---- data: a unit below the checkpoint, or acknowledged, is reachable, or the host dropped it ----------------------- */
#define HAS(i)  (rec[i] && (seg[FSEG(i)] == OPEN || udrop[FSEG(i)]))
#define JHAS(i) (rec[i] && FSEG(i) == 0 && ((orec[0] && (ju[0] >> (i)) & 1) || (orec[1] && (ju[1] >> (i)) & 1)))
#if THREE
#define UNIT(u) (HAS(u) || JHAS(u))
#define DATA assert((pcp < 1 || UNIT(0)) && (pcp < 2 || UNIT(1)) && (pcp < 3 || UNIT(2)) && \
  (fs[0] != DONE || UNIT(0)) && (fs[1] != DONE || UNIT(1)) && (fs[2] != DONE || UNIT(2)))
#else
#define UNIT(u) (HAS(u) || HAS(u + 2) || JHAS(u) || JHAS(u + 2))
#define TWICE(u) (rec[u] && rec[u + 2])
#define DATA assert((pcp < 1 || UNIT(0)) && (pcp < 2 || UNIT(1)) && !TWICE(0) && !TWICE(1) && \
  (fs[0] != DONE || UNIT(0)) && (fs[1] != DONE || UNIT(1)) && (fs[2] != DONE || UNIT(0)) && (fs[3] != DONE || UNIT(1)))
#endif

/* ---- a node flushing ---------------------------------------------------------------------------------------------- */
#define H(i) (THREE -> 0 : (i) / 2)
#define OTHER(i) ((i) ^ 1)
#define LIMIT(i) ((THREE || (i) < 2) -> NA : NB)
#define NEW(i) fn[i] = nxt[H(i)] + ((THREE || (i) < 2) -> 0 : NA); nxt[H(i)]++; pend[fn[i]] = 1
/* settled, as the node computes it while it sends flush i */
#define MIN(a,b) ((a) < (b) -> (a) : (b))
#define ONUM(i,k) (((k) != (i) && OUT(k)) -> NUM(k) : nxt[H(i)])
#if THREE
#define SET_O(i) MIN(ONUM(i,0), MIN(ONUM(i,1), ONUM(i,2)))
#else
#define SET_O(i) ONUM(i,OTHER(i))
#endif
#define SETTLED(i) (R_SELF -> MIN(NUM(i), SET_O(i)) : SET_O(i))
#if THREE
#define GOT(i,u) ((u) == (i) || fs[u] == DONE)
#define CP(i) (GOT(i,0) -> (GOT(i,1) -> (GOT(i,2) -> 3 : 2) : 1) : 0)
#define BEGUN(i) true
#else
#define GOT(i,u) ((u) == (i) % 2 || fs[2 * H(i) + (u)] == DONE || (H(i) && (known >> (u)) & 1))
#define CP(i) (GOT(i,0) -> (GOT(i,1) -> 2 : 1) : 0)
#define BEGUN(i) ((i) < 2 || (ent == 2 && !((known >> ((i) % 2)) & 1)))
#endif

#define W_NODE(i) \
  :: d_step { fs[i] == IDLE && BEGUN(i) && nxt[H(i)] < LIMIT(i) && !stop -> NEW(i); fs[i] = UPL } \
  :: d_step { !R_ONCE && fs[i] == IDLE && BEGUN(i) && fs[OTHER(i)] >= DONE && !stop -> \
       fn[i] = fn[OTHER(i)]; pend[fn[i]] = 1; fs[i] = UPL }                  /* another flush takes a used name */ \
  :: d_step { !R_OWN && (i) >= 2 && fs[i] == IDLE && BEGUN(i) && fs[(i) - 2] != IDLE && !pend[fn[(i) - 2]] -> \
       fn[i] = fn[(i) - 2]; fs[i] = UPL }                                    /* B adopts a file that A uploaded */ \
  :: d_step { R_FRESH && fs[i] == UPL && nxt[H(i)] < LIMIT(i) && !stop -> NEW(i) }                        /* unknown: fresh number */ \
  :: d_step { !R_FRESH && fs[i] == UPL && !pend[fn[i]] -> pend2[fn[i]] = 1; fs[i] = SENT; sent[i] = 1 }        /* unknown: same name again */ \
  :: d_step { fs[i] == UPL && !pend[fn[i]] -> fs[i] = SENT; sent[i] = 1 }    /* acknowledged, commit_flush sent */ \
  :: d_step { fs[i] == SENT && rec[i] && (R_KNOWN || plast == i || pset <= NUM(i) || pep != EP(i)) -> fs[i] = DONE; DATA } \
  :: d_step { fs[i] == SENT && rec[i] && !R_KNOWN && plast != i && pep == EP(i) && NUM(i) < pset -> \
       assert(0) }                                      /* a flush that landed is answered "refused, below settled" */ \
  :: d_step { OUT(i) && !stop -> fs[i] = GIVEN }

/* ---- commit_flush on a coordinator: build (read progress and segment, apply the refusals), then land ----------------- */
#define FORGET_ALL FORGET(0); FORGET(1); FORGET(2); FORGET(3)
#define FORGET(i) CLEARSLOT(2*(i)); CLEARSLOT(2*(i)+1)
#define SEGCHANGED(s) \
  if :: R_SEG && FSEG(0) == s -> FORGET(0); FORGET(2) :: else fi; \
  if :: R_SEG && FSEG(1) == s -> FORGET(1); FORGET(3) :: else fi; \
  if :: s == 0 -> jstale[0] = 1; jstale[1] = 1 :: else fi
#define CLEARSLOT(t) ta[t] = 0; tset[t] = 0; tcp[t] = 0

/* now = 0: an old copy of the request arrives; its settled and checkpoint may be as low as they ever were */
#define BUILD(i,c,now) \
  sent[i] && !ta[2*(i)+c] && (!now || fs[i] == SENT) && (R_KNOWN -> !rec[i] : (plast != i)) && \
  (!R_SETTLED || pep != EP(i) || NUM(i) >= pset) && (!R_EPOCH || (ent == EP(i) && est == LIVE)) && seg[FSEG(i)] == OPEN
#define FILL(i,c,now) \
  ta[2*(i)+c] = 1; tset[2*(i)+c] = (now -> SETTLED(i) : 0); tcp[2*(i)+c] = (now -> CP(i) : 0); \
  if :: R_MAX && pep == EP(i) && tset[2*(i)+c] < pset -> tset[2*(i)+c] = pset :: else fi; \
  if :: R_MAX && tcp[2*(i)+c] < pcp -> tcp[2*(i)+c] = pcp :: else fi
#define LAND(i,c) \
  rec[i] = 1; pep = EP(i); pset = tset[2*(i)+c]; pcp = tcp[2*(i)+c]; plast = (R_KNOWN -> 9 : i); \
  if :: !R_SEG && seg[FSEG(i)] > OPEN -> seg[FSEG(i)] = OPEN :: else fi;     /* "update the segment record" */ \
  CLEARSLOT(2*(i)+c); \
  if :: R_PROG -> FORGET_ALL :: else fi; \
  if :: FSEG(i) == 0 -> SEGCHANGED(0) :: else -> SEGCHANGED(1) fi; \
  assert(!MUST(fn[i]) || obj[fn[i]] == 1); DATA

#if R_PROG && R_SEG
#define W_COMMIT(i,c,now) :: d_step { BUILD(i,c,now) -> FILL(i,c,now); LAND(i,c) }
#define W_LAND(i,c)
#else
#define W_COMMIT(i,c,now) :: d_step { BUILD(i,c,now) -> FILL(i,c,now) }
#define W_LAND(i,c) :: d_step { ta[2*(i)+c] && (!R_EPOCH || (ent == EP(i) && est == LIVE)) -> LAND(i,c) }
#endif

/* ---- segments: drop by the host, dropped sweep ----------------------------------------------------------------------- */
#define NOFILES(s) (!(obj[0] && OF(s,0)) && !(obj[1] && OF(s,1)) && !(obj[2] && OF(s,2)) && !(obj[3] && OF(s,3)) && !(obj[NF-2] && OF(s,NF-2)) && !(obj[NF-1] && OF(s,NF-1)))
#define W_SEG(s) \
  :: d_step { DROPS && seg[s] == OPEN && !stop -> seg[s] = DROPPED; udrop[s] = 1; SEGCHANGED(s) } \
  :: d_step { !R_DURABLE && DROPS && seg[s] == OPEN && !seen[s] -> seen[s] = 1 }  /* drop sent, believed, never landed */ \
  :: d_step { PINS && R_COLLECTING && seg[s] == DROPPED && !(s == 0 && pin) -> seg[s] = COLLECTING } \
  :: d_step { seen[s] && (seg[s] == DROPPED || seg[s] == COLLECTING) && (!R_FILESFIRST || NOFILES(s)) -> seg[s] = COLLECTED }

#define SIGHTSEG(s) if :: !(s == 0 && pin) && seg[s] == ((PINS && R_COLLECTING) -> COLLECTING : DROPPED) -> seen[s] = 1 :: else fi;

/* ---- compaction of segment 0 ------------------------------------------------------------------------------------------ */
#define READ_INPUT(j) ju[j] = (rec[0] && FSEG(0) == 0) | ((rec[1] && FSEG(1) == 0) << 1) | \
                              ((rec[2] && FSEG(2) == 0) << 2) | ((rec[3] && FSEG(3) == 0) << 3); jstale[j] = 0
#define W_JOB(j) \
  :: d_step { jep == j + 1 && ws[j] == IDLE && seg[0] == OPEN && rec[0] -> \
       READ_INPUT(j); ws[j] = UPL; \
       if :: R_OWN -> pend[FJ + j] = 1 :: else -> oshare[j] = 1 fi } \
  :: d_step { ws[j] == UPL && !pend[FJ + j] -> ws[j] = SENT }                /* the commit may land from now on */ \
  :: d_step { ws[j] == SENT && (!R_JOB || jep == j + 1) && (!R_GONE || seg[0] == OPEN) && (!R_INPUT || !jstale[j]) && !orec[j] -> \
       orec[j] = 1; seg[2 + j] = OPEN; seg[0] = DROPPED; jep = (jep == j + 1 -> 0 : jep); SEGCHANGED(0); \
       assert(oshare[j] || obj[FJ + j] == 1); DATA; assert(!(orec[0] && orec[1])) }

active proctype world() {
  seg[0] = OPEN; seg[1] = OPEN;
end:
  do
  :: atomic {
  if
  W_FILE(0)
  W_FILE(1)
#if NA > 2
  W_FILE(2)
#endif
  W_NODE(0)
  W_NODE(1)
  W_COMMIT(0,0,0) W_COMMIT(0,0,1) W_LAND(0,0)
  W_COMMIT(1,0,0) W_COMMIT(1,0,1) W_LAND(1,0)
#if COPIES > 1
  W_COMMIT(0,1,0) W_COMMIT(0,1,1) W_LAND(0,1)
  W_COMMIT(1,1,0) W_COMMIT(1,1,1) W_LAND(1,1)
#endif
#if THREE
  W_NODE(2)
  W_COMMIT(2,0,0) W_COMMIT(2,0,1) W_LAND(2,0)
#endif
#if HANDOVER
  W_FILE(NA)
#if NB > 1
  W_FILE(NA+1)
#endif
  W_NODE(2)
  W_NODE(3)
  W_COMMIT(2,0,0) W_COMMIT(2,0,1) W_LAND(2,0)
  W_COMMIT(3,0,0) W_COMMIT(3,0,1) W_LAND(3,0)
  /* grant of epoch 2: B starts at the checkpoint and passes over what the records already hold */
  :: d_step { ent == 1 && !stop -> ent = 2; est = LIVE; \
       known = (rec[0] || pcp > 0) | ((rec[1] || pcp > 1) << 1) }
#endif
  /* channel entry */
  :: d_step { est == LIVE && !stop -> est = UNASSIGNED }
  :: d_step { complete && est != LIVE && ent == 1 && !R_ENTRYREV -> complete = 0; est = LIVE }
  W_SEG(0)
  W_SEG(1)
#if COMPACT
  W_SEG(2)
  W_SEG(3)
#endif
#if PINS
  :: d_step { !pin && (seg[0] == OPEN || seg[0] == DROPPED) && !stop -> pin = 1; }
  :: d_step { pin -> pin = 0 }
#endif
#if COMPACT
  :: d_step { jep == 0 && ws[0] == IDLE && !gdup && !stop -> jep = 1; gdup = 1 }             /* grant, outcome unknown, sent twice */
  :: d_step { gdup && jep == 0 && !R_GRANTONCE && !orec[0] -> gdup = 0; jep = 1 }   /* the second copy lands */
  :: d_step { jep == 1 && !stop -> jep = 2 }                                                 /* superseded */
  :: d_step { jep && !stop -> jep = 0 }                                                      /* ended */
  W_FILE(FJ)
  W_FILE(FJ+1)
  W_JOB(0)
  W_JOB(1)
#endif
#if QUIET
  :: !stop -> stop = 1
#endif
  fi;
  d_step { SIGHT(0) SIGHT(1)
#if NA > 2
    SIGHT(2)
#endif
#if HANDOVER
    SIGHT(NA)
#if NB > 1
    SIGHT(NA+1)
#endif
#endif
#if COMPACT
    SIGHT(FJ) SIGHT(FJ+1)
#endif
    SIGHTSEG(0) SIGHTSEG(1) SIGHTSEG(2) SIGHTSEG(3)
  } }
  od
}

#ifdef REACH
/* Not vacuous: each of these must be reported as violated. */
#if REACH == 1
#define GOAL rec[3]                                                      /* B commits */
#elif REACH == 2
#define GOAL orec[1] && seg[0] == COLLECTED                              /* the superseding job commits, its input is collected */
#elif REACH == 3
#define GOAL st[0] == 3 && ent == 1 && est == LIVE && !rec[0]            /* garbage of a live epoch, by its settled number */
#else
#define GOAL rec[0] && fn[0] == 1 && pend[0]                             /* committed under the fresh name, the first PUT still out */
#endif
active proctype reach() { atomic { (GOAL) -> assert(0) } }
#endif

#if QUIET
/* Nothing more can happen. An epoch is over when no commit of it can ever land. */
#define OVER(f) ((f) < NA -> (ent != 1 || est != LIVE || (pep == 1 && f < pset)) : ((f) < FJ -> (ent != 2 || est != LIVE || (pep == 2 && f - NA < pset)) : jep != (f) - FJ + 1))
#define CLEAN(f) assert(!obj[f] || (REF(f) && MUST(f)) || !OVER(f))
active proctype quiet() {
end:
  timeout -> d_step { CLEAN(0); CLEAN(1);
#if NA > 2
  CLEAN(2);
#endif
  CLEAN(NA); CLEAN(FJ); CLEAN(FJ+1);
  assert(seg[0] == OPEN || seg[0] == COLLECTED); assert(seg[1] == OPEN || seg[1] == COLLECTED) }
}
#endif
