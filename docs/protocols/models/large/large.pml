/* commit_large (docs/protocols/large_transactions.md): a logical transaction too big for the store. Two part records (new binlog keys P0, P1) and one existing
 * record R (segment record + progress). One batch slot: a key that is never deleted, {id, state}, compared by revision.
 * A leader that crashes anywhere and its successor (what a deposed one still does = its transactions landing late), transactions of unknown outcome that land late or never,
 * identical copies sent again, an unrelated small writer of R, gc that collects the segment later, a reader.
 * Every rule can be taken away by -DR_x=0. */
#ifndef R_OPEN
#define R_OPEN 1    /* the slot is opened first; every part and the last transaction compare {this id, open} */
#endif
#ifndef R_SLOT
#define R_SLOT 1    /* open compares the slot's revision (0: batch record is created if absent and deleted at the end) */
#endif
#ifndef R_ABORT
#define R_ABORT 1   /* open -> aborted before the first leftover is removed */
#endif
#ifndef R_DELCMP
#define R_DELCMP 1  /* removal of a leftover compares its revision */
#endif
#ifndef R_FWDCMP
#define R_FWDCMP 1  /* clearing the mark compares the part's revision */
#endif
#ifndef R_ALLFWD
#define R_ALLFWD 1  /* committed: slot freed only when no part carries the id */
#endif
#ifndef R_ALLDEL
#define R_ALLDEL 1  /* aborted: slot freed only when no part carries the id */
#endif
#ifndef R_ABSENT
#define R_ABSENT 1  /* a part compares that its key is absent */
#endif
#ifndef R_UPDLAST
#define R_UPDLAST 1 /* existing records are written by the last transaction only (0: part 1 overwrites R as well) */
#endif
#ifndef R_RECCMP
#define R_RECCMP 1  /* last transaction compares R's revision */
#endif
#ifndef R_RECOG
#define R_RECOG 1   /* "flush already there" counts only visible records */
#endif
#ifndef R_TERM
#define R_TERM 1
#endif
#ifndef R_UNIQ
#define R_UNIQ 1    /* batch ids never reused */
#endif
#ifndef R_PARTACK
#define R_PARTACK 1 /* last transaction is sent only when every part is known to be there */
#endif
#ifndef R_VIEW
#define R_VIEW 1    /* reader resolves parts, slot and R at one revision; 0: parts, slot; 2: slot, parts */
#endif
#ifndef READER
#define READER 0
#endif
#ifndef GC
#define GC 1
#endif
#ifndef OTHER
#define OTHER 1
#endif
#ifndef NLATE
#define NLATE 3     /* transactions of unknown outcome in a run */
#endif
#ifndef NAT
#define NAT 2       /* attempts (batches) in a run */
#endif
#define IDLE 0
#define OPENED 1
#define COMMITTED 2
#define ABORTED 3
mtype = { OPEN, PART, FINAL, ABRT, FWD, DEL, FREE, BUMP };
#define OK 1
#define REJ 2
#define UNK 3

byte term = 1;
bool pe[2]; byte pm[2]; byte pc[2]; byte pr[2];   /* part: exists, mark, content (attempt), revision */
byte sid, sst, srev;                              /* slot */
byte rec, recrev, recm;                           /* R: 0 = before, else attempt that wrote it; mark if overwritten by a part */
bool acked, gcon; byte nat; byte gcn;
byte lst[3];                                      /* leader: 0 working, 1 waiting, 2 dead */
typedef msg { mtype op; byte t; byte k; byte id; byte at; byte rv; byte rr; bool live };
msg late[NLATE]; byte nlate;

#define com(i) (sid == (i) && sst == COMMITTED)
#define vis(k) (pe[k] && (pm[k] == 0 || com(pm[k])))
#define recv(x) (recm == 0 || com(recm))

inline inv() {
  assert(recv(0));                                                   /* an existing record never vanishes */
  assert(gcon || (vis(0) == vis(1) && vis(0) == (rec != 0)));        /* all or nothing */
  assert(gcon || rec == 0 || (pc[0] == rec && pc[1] == rec));        /* of one attempt */
  assert(gcon || !acked || (vis(0) && rec != 0));                    /* acknowledged stays */
}
inline apply(xop, xt, xk, xid, xat, xrv, xrr, xres) {
  xres = REJ;
  if
  :: R_TERM && xt != term -> skip
  :: else ->
    if
    :: xop == OPEN && sst == IDLE && (!R_SLOT || srev == xrv) -> sid = xid; sst = OPENED; srev++; xres = OK
    :: xop == PART && (!R_OPEN || (sid == xid && sst == OPENED)) && (!R_ABSENT || !pe[xk]) ->
         pe[xk] = 1; pm[xk] = xid; pc[xk] = xat; pr[xk]++; xres = OK;
         if :: !R_UPDLAST && xk == 1 -> rec = xat; recm = xid; recrev++ :: else fi
    :: xop == FINAL && (R_OPEN -> (sid == xid && sst == OPENED) : sst == IDLE) && (!R_RECCMP || recrev == xrr) ->
         sid = xid; sst = COMMITTED; srev++; rec = xat; recrev++; xres = OK
    :: xop == ABRT && sid == xid && sst == OPENED -> sst = ABORTED; srev++; xres = OK
    :: xop == FWD && (!R_FWDCMP || pr[xk] == xrv) -> pe[xk] = 1; pm[xk] = 0; pc[xk] = xat; pr[xk]++; xres = OK
    :: xop == DEL && (!R_DELCMP || pr[xk] == xrv) -> pe[xk] = 0; pm[xk] = 0; pc[xk] = 0; pr[xk]++; xres = OK
    :: xop == FREE && sid == xid && sst != IDLE && srev == xrv -> sst = IDLE; sid = 0; srev++; xres = OK
    :: xop == BUMP && recrev == xrr -> recrev++; xres = OK
    :: else
    fi
  fi;
  inv()
}
/* now with a known result, or into the network (then perhaps the same again) */
inline send(xop, xk, xid, xat, xrv, xrr) {
  do
  :: atomic { apply(xop, t, xk, xid, xat, xrv, xrr, res) }; break
  :: atomic { nlate < NLATE -> late[nlate].op = xop; late[nlate].t = t; late[nlate].k = xk; late[nlate].id = xid;
       late[nlate].at = xat; late[nlate].rv = xrv; late[nlate].rr = xrr; late[nlate].live = 1; nlate++; res = UNK };
       if :: break :: skip fi
  od
}
bool crash;
proctype leader() {
  byte t = 1, id, at, qs, qi, qv, rr, res, k, v; bool scan = 1;
start: { skip;
again:
  atomic { qs = sst; qi = sid; qv = srev; k = 0; v = 0; id = 0; at = 0; rr = (R_OPEN -> 0 : recrev); res = 0 };
  if
  :: qs == OPENED && R_ABORT -> send(ABRT, 0, qi, 0, 0, 0); goto again
  :: qs == COMMITTED ->
     do
     :: k < 2 -> atomic { id = (pe[k] && pm[k] == qi); v = pr[k]; at = pc[k] };
                 if :: id -> send(FWD, k, 0, at, v, 0); if :: !R_ALLFWD || res == OK -> k++ :: else -> goto again fi
                 :: else -> k++ fi
     :: !R_ALLFWD -> break
     :: k == 2 -> break
     od;
     send(FREE, 0, qi, 0, qv, 0); goto again
  :: qs == ABORTED || (qs == OPENED && !R_ABORT) ->
     do
     :: k < 2 -> atomic { id = (pe[k] && pm[k] == qi); v = pr[k] };
                 if :: id -> send(DEL, k, 0, 0, v, 0); if :: res == OK -> k++ :: else -> goto again fi
                 :: else -> k++ fi
     :: !R_ALLDEL -> break
     :: k == 2 -> break
     od;
     send(FREE, 0, qi, 0, qv, 0); goto again
  :: qs == IDLE && !R_OPEN && scan ->                  /* without the slot: a full scan finds the leftovers */
     if :: pm[0] || pm[1] -> send(BUMP, 0, 0, 0, 0, rr); if :: res == OK :: else -> goto again fi :: else fi;
     do
     :: k < 2 -> atomic { id = (pe[k] && pm[k] != 0); v = pr[k] };
                 if :: id -> send(DEL, k, 0, 0, v, 0); if :: res == OK -> k++ :: else -> goto again fi
                 :: else -> k++ fi
     :: k == 2 -> break
     od;
     scan = 0; goto again
  :: qs == IDLE && (R_OPEN || !scan) && (acked || rec != 0 || nat == NAT) ->
     atomic { if :: !gcon && rec != 0 && vis(0) -> acked = 1 :: else fi; lst[t] = 1 };
     atomic { sst != IDLE; lst[t] = 0 }; goto again
  :: qs == IDLE && (R_OPEN || !scan) && !acked && rec == 0 && nat < NAT ->
     atomic { nat++; at = nat; id = (R_UNIQ -> nat : 1); rr = recrev };
     if :: R_OPEN -> send(OPEN, 0, id, at, qv, 0); if :: res == OK :: else -> scan = 1; goto again fi :: else fi;
     do
     :: k < 2 -> send(PART, k, id, at, 0, 0);
         if :: res == OK || !R_PARTACK || (pe[k] && pm[k] == id) -> k++ :: else -> scan = 1; goto again fi
     :: k == 2 -> break
     od;
     send(FINAL, 0, id, at, 0, rr);
     if :: res == OK -> acked = 1 :: else -> scan = 1 fi;
     goto again
  fi;
} unless { atomic { crash -> crash = 0; lst[1] = 0; t = 2; id = 0; at = 0; qs = 0; qi = 0; qv = 0; rr = 0; res = 0; k = 0; v = 0; scan = 1 }; goto start }
}
inline land(i) {
  if :: apply(late[i].op, late[i].t, late[i].k, late[i].id, late[i].at, late[i].rv, late[i].rr, res) :: skip fi;
  late[i].op = 0; late[i].t = 0; late[i].k = 0; late[i].id = 0; late[i].at = 0; late[i].rv = 0; late[i].rr = 0; late[i].live = 0; res = 0 }
proctype network() { byte res, i;
  do
  :: atomic { nlate > 0 && late[0].live -> i = 0; land(i); i = 0 }
#if NLATE > 1
  :: atomic { nlate > 1 && late[1].live -> i = 1; land(i); i = 0 }
#endif
#if NLATE > 2
  :: atomic { nlate > 2 && late[2].live -> i = 2; land(i); i = 0 }
#endif
#if NLATE > 3
  :: atomic { nlate > 3 && late[3].live -> i = 3; land(i); i = 0 }
#endif
  od }
proctype election() { atomic { term = 2; crash = 1 } }
proctype node() { atomic { (R_RECOG -> vis(0) : pe[0]) && !gcon -> acked = 1; inv() } }  /* a repeated flush is recognised */
proctype other() { atomic { recrev++ } }                       /* e.g. a small commit or a seal of the same segment */
proctype collect() {                                           /* the segment is dropped and collected */
  atomic { acked && rec != 0 -> gcon = 1; recrev++ };
  atomic { pe[0] = 0; pm[0] = 0; pc[0] = 0; pr[0]++ }; atomic { pe[1] = 0; pm[1] = 0; pc[1] = 0; pr[1]++; gcn = 1 } }
proctype reader() { bool a, b; byte qi, qs, am, bm, r;
#if R_VIEW == 1
  atomic { a = vis(0); b = vis(1); r = rec; assert(a == b && a == (r != 0)) }
#else
#if R_VIEW == 2
  atomic { qi = sid; qs = sst };
#endif
  atomic { a = pe[0]; am = pm[0] }; atomic { b = pe[1]; bm = pm[1] };
#if R_VIEW == 0
  atomic { qi = sid; qs = sst };
#endif
  atomic { a = a && (am == 0 || (am == qi && qs == COMMITTED)); b = b && (bm == 0 || (bm == qi && qs == COMMITTED)); assert(a == b) }
#endif
}
/* nothing left for ever: the last leader waits, nothing is in flight */
#if NLATE == 1
#define quiet (!late[0].live)
#elif NLATE == 2
#define quiet (!late[0].live && !late[1].live)
#else
#define quiet (!late[0].live && !late[1].live && !late[2].live && (NLATE < 4 || !late[NLATE - 1].live))
#endif
#define calm (term == 2 && lst[2] == 1 && sst == IDLE && quiet)
proctype monitor() { atomic { calm -> 
  assert(pm[0] == 0 && pm[1] == 0); assert(gcon || (pe[0] == (rec != 0) && pe[1] == (rec != 0))); assert(!gcn || (!pe[0] && !pe[1])) } }
init { atomic { run leader(); run network(); run election(); run node(); run monitor();
  if :: OTHER -> run other() :: else fi; if :: GC -> run collect() :: else fi; if :: READER -> run reader() :: else fi } }
