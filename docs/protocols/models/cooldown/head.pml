/*
 * Cooldown with one remote copy: the HEAD compare-and-set protocol.
 *
 * An executable specification. Two replicas of one tablet, an adversary in place of the controller (any term, to
 * anyone, at any time, twice, out of order), remote gc by anybody at any time, one reader, one drop.
 *
 * What the adversary may do
 *   - a conditional put of HEAD: lands at once and says so; lands but the reply is lost; lands but the reply is 412
 *     (an inner retry met its own first try); does not land now, reply unknown, and lands at any later time if its base
 *     token is still current then (a "ghost"); never lands.
 *   - a data put: lands at once, or at any later time, or never.
 *   - a delete: once decided it may take effect at any later time, also twice ("doomed").
 *   - a crash between any two steps. What survives: the local versions. What is lost: role, term, base, attempts.
 *
 * How it stays finite without a bound on the number of HEAD writes
 *   - Every landed write makes a token that never comes back. So all that matters about a base token is whether it is
 *     still the current one: one bit per client (fresh[]). A put whose base is not current can never land; it is
 *     forgotten. All living ghosts share the current HEAD as base, so a ghost is only its difference to HEAD.
 *   - The assumption itself is attacked with BURN_NOOP=1 (a burn that writes equal bytes; the store's token is a hash).
 *   - A doomed object may be seen present or absent by anyone, at any time; an in-flight object likewise.
 *   - Restarts are unbounded too: all former lives of a replica are one "former life".
 *   - Data names are never used again, so an object that HEAD does not name, that no attempt holds and no ghost commit
 *     carries can never matter again: its slot is given to a new name. So uploads are unbounded as well.
 *   Bounds that remain: two replicas, NV versions, MAXT terms, NF objects alive at once.
 *   - An upload unit stands for all files of one attempt; it covers one contiguous range of versions.
 *
 * Every rule is a switch; 1 is the protocol. Override with -D.
 */

#ifndef NV
#define NV 2              /* versions of the tablet */
#endif
#ifndef NF
#define NF 5              /* objects alive at once */
#endif
#ifndef K
#define K 3               /* only where names are not unique: names per replica, or per term */
#endif
#ifndef MAXT
#define MAXT 3            /* terms the controllers hand out: 1..MAXT */
#endif

/* ---- rules ---- */
#ifndef CLAIM_FIRST
#define CLAIM_FIRST 1     /* 1: no upload before the claim is known to have landed. 0: upload first, claim before commit */
#endif
#ifndef CLAIM_NONE
#define CLAIM_NONE 0      /* 1: no claim at all: the commit itself raises HEAD.term, needs own term >= HEAD.term */
#endif
#ifndef CLAIM_STRICT
#define CLAIM_STRICT 1    /* 1: a claim needs term > HEAD.term. 0: >= */
#endif
#ifndef CLAIM_STATE
#define CLAIM_STATE 1     /* 1: a claim refuses a dropped HEAD */
#endif
#ifndef INHERIT_ROWS
#define INHERIT_ROWS 1    /* 1: a claim keeps all rowsets */
#endif
#ifndef INHERIT_TOMBS
#define INHERIT_TOMBS 1   /* 1: a claim keeps all tombstones */
#endif
#ifndef OWNER_NONCE
#define OWNER_NONCE 1     /* 1: "this HEAD is mine" = owner nonce of this process start. 0: = equal term */
#endif
#ifndef BASE_MINE
#define BASE_MINE 1       /* 1: the base of every owner's write must be mine (nonce and term). 0: any HEAD read again will do */
#endif
#ifndef FRESH_TERM
#define FRESH_TERM 1      /* 1: each process start claims anew. 0: it resumes when HEAD names its replica */
#endif
#ifndef NONCE_START
#define NONCE_START 1     /* 1: names carry a nonce new at each process start. 0: names are <replica>/<n>, no term, no start */
#endif
#ifndef NAMES
#define NAMES 2           /* 2: unique per process start and number. 1: <term>/<n> only. 0: derived from the version range */
#endif
#ifndef NEW_NUMBER
#define NEW_NUMBER 1      /* 1: a name is used by one attempt. 0: a later attempt for the same range uses the same name again */
#endif
#ifndef NO_ADOPT
#define NO_ADOPT 1        /* 1: a unit uploaded under an older term is never committed under a newer one */
#endif
#ifndef VERIFY
#define VERIFY 1          /* 1: commit only units seen in the store */
#endif
#ifndef BURN
#define BURN 1            /* 1: after an unclear commit the base token must be seen moved before own units are deleted */
#endif
#ifndef BURN_NOOP
#define BURN_NOOP 0       /* 1: the burn writes equal bytes and the token is a hash of the bytes */
#endif
#ifndef AFTER_BURN
#define AFTER_BURN 2      /* own units are deleted: 2: if a HEAD read after the move does not name them; 1: if it does not
                             carry our commit nonce; 0: at once */
#endif
#ifndef READBACK
#define READBACK 1        /* 1: first look whether HEAD already shows the unclear commit. 0: burn straight away */
#endif
#ifndef EVICT_HEAD
#define EVICT_HEAD 1      /* 1: evict only what a HEAD that was read names, objects seen. 0: also after an unclear commit */
#endif
#ifndef GC_TERM
#define GC_TERM 1         /* 1: gc only objects of terms below HEAD.term. 0: everything HEAD does not name */
#endif
#ifndef GC_TOMBS
#define GC_TOMBS 1        /* 1: "named by HEAD" includes tombstones. 0: rowsets only */
#endif
#ifndef GC_HEAD_THEN_PINS
#define GC_HEAD_THEN_PINS 1 /* 1: gc reads HEAD, then the pins. 0: pins first */
#endif
#ifndef TOMB_DELETE_FIRST
#define TOMB_DELETE_FIRST 1 /* 1: a tombstone leaves HEAD only after pins were clear and the delete was sent. 0: at will */
#endif
#ifndef PIN_THEN_READ
#define PIN_THEN_READ 1   /* 1: the reader pins, then reads HEAD. 0: pins the HEAD it has read */
#endif
#ifndef DROP_ABSENT
#define DROP_ABSENT 1     /* 1: a drop creates a dropped HEAD where there is none. 0: nothing to do, sweep only */
#endif
#ifndef DROP_READBACK
#define DROP_READBACK 1   /* 1: sweep only after HEAD was read as dropped. 0: after the put was sent */
#endif

/* ---- parts of the world ---- */
#ifndef COMPACT
#define COMPACT 1
#endif
#ifndef CRASH
#define CRASH 1
#endif
#ifndef LATE_EVICT
#define LATE_EVICT 0      /* 1: eviction may act on a HEAD read long ago. 0: at once (enough while C1 holds: HEAD never loses a version) */
#endif
#ifndef C4
#define C4 1
#endif
#ifndef READER
#define READER 0
#endif
#ifndef DROPPER
#define DROPPER 0
#endif

#define NONE 255
#define ALL ((1<<NV)-1)
#define UNIQUE (NAMES == 2 && NONCE_START)
#if NAMES == 1
#undef NF
#define NF (MAXT*K)
#elif NAMES == 0
#undef NF
#define NF 8
#elif !NONCE_START
#undef NF
#define NF (2*K)
#endif

mtype = { IDLE, CLAIM, CLAIMQ, OWN, UP, COMMIT, UNCLEAR, BURNING, AGAIN };

/* HEAD */
#define ABSENT 0
#define ACTIVE 1
#define DROPPED 2
byte hstate = ABSENT;
byte hterm;
byte howner = NONE;       /* owner nonce: r = the present life of replica r, r+2 = one of its former lives */
byte row[NV];             /* unit that holds each version, NONE: not remote */
short tombs;              /* units */
byte hnonce = NONE;       /* commit nonce: the unit whose commit was the last write, NONE: any other write */

/* objects: one upload unit each */
byte fst[NF];             /* 0 no such name, 1 put in flight, 2 landed */
byte fterm[NF];
byte fcov[NF];            /* versions it holds (the name may be written again only where a switch is off) */
bit fcomp[NF];            /* made by cold compaction */
bit doomed[NF];           /* some delete was sent: may be gone at any time from now on */

/* ghosts: conditional puts of HEAD in flight, all based on the current token */
byte gclaim[4];           /* by whom (as howner): a set of terms */
short gcommit;            /* units */
short gtomb;              /* units: "drop this tombstone" */
bit gburn;
bit gdrop;

/* replicas */
byte disk[2];           /* durable: versions on local disk */
mtype pc[2] = IDLE;
byte myterm[2];
bit fresh[2];            /* base token is still the current one */
byte att[2] = NONE;      /* unit of the current attempt */
byte evict[2];           /* versions cleared for eviction (a decision taken, maybe long ago) */
byte used[2];             /* only where names are not unique: counter of this life */

/* others */
bit rfresh; bit pin; bit rpinned; byte rrow[NV]; short ptombs; bit nopin;
bit dfresh; bit dropped;  /* dropped: the drop is believed done */

byte i, u;                /* scratch, always left at 0 */

#if NV == 2
#define COV ((row[0] != NONE) + 2*(row[1] != NONE))
#define INROWS(f) (row[0] == (f) || row[1] == (f))
#define NOROWS row[0] = NONE; row[1] = NONE
#else
#define COV ((row[0] != NONE) + 2*(row[1] != NONE) + 4*(row[2] != NONE))
#define INROWS(f) (row[0] == (f) || row[1] == (f) || row[2] == (f))
#define NOROWS row[0] = NONE; row[1] = NONE; row[2] = NONE
#endif
#define INTOMBS(f) ((tombs>>(f))&1)
#define NAMED(f) (INROWS(f) || INTOMBS(f))

#if OWNER_NONCE
#define MINE(r) (hstate == ACTIVE && hterm == myterm[r] && (howner == r || (!FRESH_TERM && howner == r+2)))
#else
#define MINE(r) (hstate == ACTIVE && hterm == myterm[r])
#endif

/* ---- invariants, after every step ---- */
#define C2(v) (row[v] == NONE || (fst[row[v]] == 2 && !doomed[row[v]] && ((fcov[row[v]]>>v)&1)))
#define C3(v) (row[v] != NONE || hstate == DROPPED || (((disk[0]|disk[1])>>v)&1))
#define HELD(f) (NAMED(f) || att[0] == f || att[1] == f || ((gcommit>>f)&1) || rrow[0] == f || rrow[1] == f)
inline check() {
  assert(C2(0) && C2(1));                 /* C2, L2: what HEAD names is present, is that content, and no delete is under way */
  assert(C3(0) && C3(1));                 /* C3 */
#if NV > 2
  assert(C2(2) && C3(2));
#endif
  d_step {
    i = 0;
    do
    :: i < NF ->
       if
       :: fst[i] && C4 -> assert(hstate == DROPPED || fterm[i] <= hterm)    /* C4: the next claim makes it gc-able */
       :: else
       fi;
       if
       :: fst[i] && UNIQUE && !HELD(i) -> fst[i] = 0; fterm[i] = 0; fcov[i] = 0; fcomp[i] = 0; doomed[i] = 0
       :: else
       fi;
       i++
    :: else -> break
    od;
    i = 0
  }
}

/* ---- HEAD writes that land ---- */
inline moved() {           /* the token is new: no older base is current any more */
  fresh[0] = 0; fresh[1] = 0; rfresh = 0; dfresh = 0;
  gclaim[0] = 0; gclaim[1] = 0; gclaim[2] = 0; gclaim[3] = 0;
  gcommit = 0; gtomb = 0; gburn = 0; gdrop = 0; hnonce = NONE
}
inline land_claim(l, t) {
  assert(!dropped);                                            /* a finished drop stays finished */
  assert(t > hterm || !CLAIM_STRICT);                          /* C1: terms only grow */
  hstate = ACTIVE; hterm = t; howner = l;
  if :: INHERIT_ROWS -> skip :: else -> NOROWS fi;
  if :: INHERIT_TOMBS -> skip :: else -> tombs = 0 fi;
  moved()
}
inline land_commit(f) {
  if
  :: CLAIM_NONE -> assert(fterm[f] >= hterm && !dropped); hstate = ACTIVE; hterm = fterm[f]
  :: else -> assert(hstate == ACTIVE);
     assert(fterm[f] == hterm || !NO_ADOPT)                    /* L1: no commit below HEAD.term */
  fi;
  d_step {
    i = 0;
    do
    :: i < NV ->
       if
       :: ((fcov[f]>>i)&1) && fcomp[f] && row[i] != NONE && row[i] != f ->
          tombs = tombs | (1<<row[i]); if :: pin -> ptombs = ptombs | (1<<row[i]) :: else fi;
          if :: row[i] != row[(i+1)%NV] && row[i] != row[(i+2)%NV] && UNIQUE -> fcov[row[i]] = 0 :: else fi
       :: ((fcov[f]>>i)&1) && !fcomp[f] -> assert(row[i] == NONE)  /* C6 */
       :: !((fcov[f]>>i)&1) -> assert(row[i] != NONE || (fcov[f]>>i) == 0)   /* C1: no hole below */
       :: else
       fi;
       if :: (fcov[f]>>i)&1 -> row[i] = f :: else fi;
       i++
    :: else -> break
    od; i = 0
  }
  if :: UNIQUE -> fcomp[f] = 0 :: else fi;
  moved();
  if :: AFTER_BURN < 2 -> hnonce = f :: else fi
}
inline land_tomb(f) { tombs = tombs & ~(1<<f); moved() }
inline land_burn() { if :: BURN_NOOP -> gburn = 0 :: else -> moved() fi }
inline land_drop() { hstate = DROPPED; howner = NONE; tombs = 0; NOROWS; moved() }

/* may unit f be committed on the current HEAD? */
#define NEXT(c) (((c) & COV) == 0 && ((c) & (COV+1)) != 0)
#define FITS(f) (fcomp[f] -> (fcov[f] == COV) : NEXT(fcov[f]))

/* a name for a unit that covers c: in u; NF where there is none left */
inline pick_unit(r, c) {
  d_step {
    if
    :: UNIQUE -> u = 0; do :: u < NF && fst[u] -> u++ :: else -> break od
    :: !UNIQUE && NAMES == 2 -> u = (used[r] < K -> r*K + used[r] : NF); used[r]++
    :: NAMES == 1 -> u = (used[r] < K -> (myterm[r]-1)*K + used[r] : NF); used[r]++
    :: NAMES == 0 -> u = c
    fi
  }
}
inline start_unit(r, c, comp) {
  pick_unit(r, c);
  if
  :: u < NF ->
     fst[u] = (fst[u] == 2 -> 2 : 1); fterm[u] = myterm[r]; fcov[u] = c; fcomp[u] = comp;
     att[r] = u; pc[r] = UP
  :: else -> if :: UNIQUE -> skip :: else -> used[r]-- fi
  fi; u = 0
}
inline crash(r) {
  pc[r] = IDLE; myterm[r] = 0; fresh[r] = 0; att[r] = NONE; evict[r] = 0; used[r] = 0;
  gclaim[r+2] = gclaim[r+2] | gclaim[r]; gclaim[r] = 0;
  if :: howner == r -> howner = r+2 :: else fi
}
inline delete_own(r) { doomed[att[r]] = 1; att[r] = NONE }

proctype Replica(byte r) {
  end: do
  /* --- claim --- */
  :: atomic { (pc[r] == IDLE || (pc[r] == OWN && myterm[r] < MAXT) || (pc[r] == COMMIT && !NO_ADOPT)) && !CLAIM_NONE && (hstate != DROPPED || !CLAIM_STATE) && hterm < MAXT + !CLAIM_STRICT ->
       if :: u = 1 :: u = 2 :: MAXT > 2 -> u = 3 fi;            /* whatever a controller says */
       if
       :: u > hterm || (u == hterm && !CLAIM_STRICT) ->
          myterm[r] = u; fresh[r] = 1; pc[r] = CLAIM
       :: else
       fi; u = 0 }
  :: atomic { pc[r] == CLAIM ->
       if
       :: fresh[r] ->
          if
          :: land_claim(r, myterm[r]);
             if :: pc[r] = (att[r] != NONE -> COMMIT : OWN); fresh[r] = 1 :: pc[r] = CLAIMQ fi
          :: gclaim[r] = gclaim[r] | (1<<myterm[r]); pc[r] = CLAIMQ
          fi
       :: else -> pc[r] = CLAIMQ
       fi; check() }
  :: atomic { pc[r] == CLAIMQ || pc[r] == AGAIN ->              /* read again: is it mine? */
       if
       :: MINE(r) || (!BASE_MINE && pc[r] == AGAIN && hstate == ACTIVE) || (CLAIM_NONE && hterm <= myterm[r] && hstate != DROPPED) ->
          fresh[r] = 1; pc[r] = (att[r] != NONE -> COMMIT : OWN)
       :: else -> fresh[r] = 0; myterm[r] = 0; att[r] = NONE; pc[r] = IDLE
       fi }
  :: atomic { pc[r] == IDLE && CLAIM_NONE && hstate != DROPPED -> /* no claim: just believe the controller */
       if :: u = 1 :: u = 2 :: MAXT > 2 -> u = 3 fi;
       if :: u >= hterm -> myterm[r] = u; fresh[r] = 1; pc[r] = OWN :: else fi; u = 0 }
  :: atomic { pc[r] == IDLE && !CLAIM_FIRST -> /* upload before the claim */
       if :: u = 1 :: u = 2 :: MAXT > 2 -> u = 3 fi; myterm[r] = u; u = 0; fresh[r] = 0; pc[r] = OWN }
  :: atomic { !FRESH_TERM && pc[r] == IDLE && hstate == ACTIVE && howner == r+2 ->
       myterm[r] = hterm; fresh[r] = 1; pc[r] = OWN }           /* resumes the role of its former life */
  :: atomic { pc[r] == OWN -> pc[r] = IDLE; myterm[r] = 0; fresh[r] = 0 }                        /* demoted */
  :: atomic { pc[r] == OWN && !fresh[r] -> pc[r] = AGAIN }

  /* --- upload, cold compaction --- */
  :: atomic { pc[r] == OWN ->
       if :: i = 1 :: i = 2 :: i = 3 :: NV > 2 -> i = 4 :: NV > 2 -> i = 6 :: NV > 2 -> i = 7 fi;
       if
       :: (disk[r] & i) == i && (fresh[r] -> NEXT(i) : 1) -> start_unit(r, i, 0)
       :: else
       fi; i = 0; check() }
  :: atomic { COMPACT && pc[r] == OWN && fresh[r] && hstate == ACTIVE && row[0] != NONE && row[1] != NONE && row[0] != row[1] ->
       i = COV; start_unit(r, i, 1); i = 0; check() }
  :: atomic { pc[r] == UP ->
       if
       :: fst[att[r]] = 2; pc[r] = COMMIT                       /* landed and verified */
       :: !VERIFY -> pc[r] = COMMIT
       :: delete_own(r); pc[r] = OWN                            /* given up before any commit was sent */
       :: att[r] = NONE; pc[r] = OWN
       fi; check() }

  /* --- commit --- */
  :: atomic { pc[r] == COMMIT && !fresh[r] && (CLAIM_FIRST || MINE(r)) -> pc[r] = AGAIN }        /* may look before it puts */
  :: atomic { !CLAIM_FIRST && pc[r] == COMMIT && !MINE(r) && !CLAIM_NONE ->                         /* now claim */
       if
       :: hstate != DROPPED && myterm[r] > hterm -> fresh[r] = 1; pc[r] = CLAIM
       :: else -> att[r] = NONE; myterm[r] = 0; fresh[r] = 0; pc[r] = IDLE
       fi }
  :: atomic { pc[r] == COMMIT && (CLAIM_FIRST || !fresh[r] || MINE(r)) ->
       if
       :: fresh[r] && NAMED(att[r]) -> att[r] = NONE; pc[r] = OWN                                      /* an earlier try landed */
       :: fresh[r] && !NAMED(att[r]) && !FITS(att[r]) ->
          if :: delete_own(r) :: att[r] = NONE fi; pc[r] = OWN                                        /* range already remote */
       :: fresh[r] && !NAMED(att[r]) && FITS(att[r]) ->
          if
          :: land_commit(att[r]);
             if :: att[r] = NONE; fresh[r] = 1; pc[r] = OWN :: pc[r] = UNCLEAR fi
          :: gcommit = gcommit | (1<<att[r]); pc[r] = UNCLEAR
          fi
       :: !fresh[r] -> pc[r] = UNCLEAR
       fi;
       if :: !EVICT_HEAD && pc[r] == UNCLEAR -> evict[r] = evict[r] | fcov[att[r]] :: else fi;
       check() }
  :: atomic { pc[r] == UNCLEAR ->                               /* unknown outcome, or 412: the same to us */
       if
       :: !BURN -> if :: READBACK && NAMED(att[r]) -> att[r] = NONE :: else -> delete_own(r) fi; pc[r] = AGAIN
       :: BURN && AFTER_BURN == 2 ->
          if
          :: READBACK && NAMED(att[r]) -> att[r] = NONE; pc[r] = AGAIN                               /* it did land */
          :: else -> pc[r] = BURNING
          fi
       :: BURN && AFTER_BURN < 2 ->
          if
          :: READBACK && hnonce == att[r] -> att[r] = NONE; pc[r] = AGAIN
          :: else -> pc[r] = BURNING
          fi
       :: BURN && fresh[r] -> pc[r] = COMMIT                     /* or the same put once more */
       fi; check() }
  :: atomic { pc[r] == BURNING ->
       if
       :: fresh[r] ->                                           /* base still current: change HEAD under it */
          if
          :: land_burn(); if :: BURN_NOOP -> fresh[r] = 0 :: else fi   /* (the burner believes the token moved) */
          :: gburn = 1                                          /* unclear as well: look, try again */
          fi
       :: !fresh[r] ->                                          /* base gone: the lost commit landed before, or never will */
          if
          :: AFTER_BURN == 2 && NAMED(att[r]) -> att[r] = NONE
          :: AFTER_BURN == 1 && hnonce == att[r] -> att[r] = NONE
          :: !(AFTER_BURN == 2 && NAMED(att[r])) && !(AFTER_BURN == 1 && hnonce == att[r]) ->
             if
             :: NEW_NUMBER -> delete_own(r)
             :: !NEW_NUMBER -> doomed[att[r]] = 1                /* and later upload it again under this name */
             :: AFTER_BURN == 2 -> skip                          /* or commit the same unit on the new base */
             fi
          fi; pc[r] = AGAIN
       fi; check() }

  /* --- tombstones leave HEAD (the owner only) --- */
  :: atomic { COMPACT && pc[r] == OWN && fresh[r] && tombs != 0 ->
       i = 0; do :: i < NF-1 -> i++ :: break od; u = i; i = 0;
       if
       :: INTOMBS(u) && (doomed[u] || !TOMB_DELETE_FIRST) ->
          if
          :: land_tomb(u); if :: fresh[r] = 1 :: pc[r] = AGAIN fi
          :: gtomb = gtomb | (1<<u); pc[r] = AGAIN
          fi
       :: else
       fi; u = 0; check() }

  /* --- follow and evict, any role --- */
#if LATE_EVICT
  :: atomic { hstate == ACTIVE && (evict[r] | (COV & disk[r])) != evict[r] -> evict[r] = evict[r] | (COV & disk[r]) }
#else
  :: atomic { hstate == ACTIVE && (COV & disk[r]) -> disk[r] = disk[r] & ~COV }
#endif
#if LATE_EVICT || !EVICT_HEAD
  :: atomic { evict[r] & disk[r] ->                             /* later, on the strength of that old decision */
       disk[r] = disk[r] & ~evict[r]; evict[r] = 0; check() }
#endif

  :: atomic { CRASH && (pc[r] != IDLE || evict[r] || howner == r || gclaim[r]) -> crash(r); check() }
  od
}

/* ghosts land; gc by anyone, any time */
proctype World() {
  end: do
  :: atomic { gburn -> land_burn(); check() }
  :: atomic { gdrop -> land_drop(); check() }
  :: atomic { gcommit -> i = 0; do :: i < NF-1 -> i++ :: break od; u = i; i = 0;
       if :: (gcommit>>u)&1 -> land_commit(u) :: else fi; u = 0; check() }
  :: atomic { gtomb -> i = 0; do :: i < NF-1 -> i++ :: break od; u = i; i = 0;
       if :: (gtomb>>u)&1 -> land_tomb(u) :: else fi; u = 0; check() }
  :: atomic { if :: u = 0 :: u = 1 :: u = 2 :: u = 3 fi;
       if
       :: gclaim[u] & 2 -> land_claim(u, 1)
       :: gclaim[u] & 4 -> land_claim(u, 2)
       :: gclaim[u] & 8 -> land_claim(u, 3)
       :: else
       fi; u = 0; check() }
  :: atomic { i = 0; do :: i < NF-1 -> i++ :: break od; u = i; i = 0;
       if
       :: fst[u] && !doomed[u] && hstate == DROPPED && dropped -> doomed[u] = 1
       :: fst[u] && !doomed[u] && !INROWS(u) && (!INTOMBS(u) || !GC_TOMBS) && (fterm[u] < hterm || !GC_TERM) -> doomed[u] = 1
       :: fst[u] && !doomed[u] && INTOMBS(u) && (GC_HEAD_THEN_PINS -> !(pin && (ptombs>>u)&1) : nopin) -> doomed[u] = 1
       :: else
       fi; u = 0; check() }
  :: atomic { !GC_HEAD_THEN_PINS && !pin && !nopin -> nopin = 1 }     /* pins read early, used late */
  od
}

/* a reader: with a pin it never misses; without one a miss means a newer HEAD (C5) */
#define DONE pin = 0; rpinned = 0; ptombs = 0; rfresh = 0; rstate = 0; rrow[0] = NONE; rrow[1] = NONE
proctype Reader() {
  byte rstate;
  end: do
  :: atomic { rstate == 0 && !pin && PIN_THEN_READ -> pin = 1; rpinned = 1 }
  :: atomic { rstate == 0 && hstate == ACTIVE -> rrow[0] = row[0]; rrow[1] = row[1]; rfresh = 1; rstate = 1 }
  :: atomic { rstate == 1 && !PIN_THEN_READ && !pin -> pin = 1; rpinned = 1; if :: rfresh -> skip :: else -> ptombs = tombs fi }
  :: atomic { rstate == 1 ->
       if :: i = 0 :: i = 1 fi; u = i; i = 0;
       if
       :: rrow[u] != NONE && doomed[rrow[u]] -> u = 0;
          assert(!rfresh);                                      /* C5 */
          assert(!rpinned || dropped);                          /* pins hold */
          DONE
       :: else -> u = 0
       fi }
  :: atomic { rstate == 1 -> DONE }
  od
}

proctype Dropper() {
  byte dstate;
  end: do
  :: atomic { dstate == 0 ->
       if
       :: hstate == DROPPED -> dropped = 1; dstate = 2
       :: hstate == ABSENT && !DROP_ABSENT -> dropped = 1; dstate = 2
       :: (hstate == ABSENT && DROP_ABSENT) || hstate == ACTIVE -> dfresh = 1; dstate = 1
       fi; check() }
  :: atomic { dstate == 1 ->
       if
       :: dfresh -> if :: land_drop() :: gdrop = 1 fi
       :: else
       fi;
       dstate = 0; if :: DROP_READBACK -> skip :: else -> dropped = 1; dstate = 2 fi;
       if :: !DROP_READBACK && hstate == ACTIVE -> i = 0; do :: i < NF -> doomed[i] = (fst[i] != 0); i++ :: else -> break od; i = 0 :: else fi;
       check() }
  od
}

init {
  atomic {
    NOROWS; rrow[0] = NONE; rrow[1] = NONE;
    disk[0] = ALL;
    if :: disk[1] = ALL :: disk[1] = 1 fi;                     /* the other replica may lag behind */
    run Replica(0); run Replica(1); run World();
    if :: READER -> run Reader() :: else fi;
    if :: DROPPER -> run Dropper() :: else fi
  }
}
