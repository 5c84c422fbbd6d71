/* The drop of a channel: flush_and_drop of one channel. commit_large of the final binlogs is one atomic step here (large.pml proves that it is),
 * then one transaction marks the channel dropped, segment records follow lazily, gc collects, a prefix pin is taken.
 * Segments: 0 exists (growing), 1 may be allocated late. Node of epoch 1 asks for the drop; the channel may move to epoch 2.
 * Transactions of unknown outcome land late or never. Rules are taken away by -DR_x=0. */
#ifndef R_MARKENTRY
#define R_MARKENTRY 1 /* mark = channel entry -> dropped (with the tombstone): every flush compares the entry (0: tombstone key alone) */
#endif
#ifndef R_ALLOC
#define R_ALLOC 1     /* allocation compares that the channel is not dropped (0: term and absent key only) */
#endif
#ifndef R_ENTRYCMP
#define R_ENTRYCMP 1  /* drop compares the channel entry (its holder) */
#endif
#ifndef R_PROGCMP
#define R_PROGCMP 1   /* drop compares progress, which the final commit wrote */
#endif
#ifndef R_RECOG
#define R_RECOG 1     /* a repeated flush_and_drop of a dropped channel is a success before anything else */
#endif
#ifndef R_BYMARK
#define R_BYMARK 1    /* recovery: not recovered only if marked (0: or if all its segments are dropped) */
#endif
#ifndef R_DURABLE
#define R_DURABLE 1   /* collecting compares a durable fact: record dropped, or mark (0: believes memory) */
#endif
#ifndef R_COLLCMP
#define R_COLLCMP 1   /* collecting compares the segment's revision */
#endif
#ifndef R_LAZYCMP
#define R_LAZYCMP 1   /* lazy rewrite compares the segment's revision */
#endif
#ifndef R_FILES
#define R_FILES 1     /* the list of files is read after collecting landed (0: before) */
#endif
#ifndef R_PINSEE
#define R_PINSEE 1    /* a prefix pin covers what a listing made after it shows as not collecting (0: listing before it) */
#endif
#ifndef R_PINVER
#define R_PINVER 1    /* collecting compares pins/version */
#endif
#ifndef R_PINBUMP
#define R_PINBUMP 1   /* a pin compares and bumps pins/version (0: bumps blindly) */
#endif
#ifndef R_DONEALL
#define R_DONEALL 1   /* lazy rewrite ends only when a listing made after the mark shows no live record */
#endif
#ifndef R_AFTER
#define R_AFTER 1     /* the mark is sent only when the final commit is known to be there */
#endif
#ifndef R_TERM
#define R_TERM 1
#endif
#ifndef PIN
#define PIN 1
#endif
#ifndef COMPACT
#define COMPACT 0     /* a compaction drops segment 0 while the channel lives */
#endif
#ifndef MOVE
#define MOVE 1
#endif
#ifndef NLATE
#define NLATE 2
#endif
#define NONE 0
#define GROW 1
#define DROP 2
#define COLL 3
#define GONE 4
mtype = { ALLOC, FLUSH, FINALS, MARK, LAZY, COLLECT, PINW, UNPIN, DONE };
#define OK 1
#define REJ 2
#define UNK 3
byte term = 1, epoch = 1;          /* channel entry: epoch of its holder */
bool marked, mdone;                /* channel dropped; its records are all rewritten */
byte prog;                         /* progress revision */
byte ck;                           /* checkpoint: 0 start, 1 an acknowledged flush, 2 all rows before the drop message */
byte st[2]; byte sr[2];            /* segment state, revision */
bool files[2];                     /* the segment's record lists a flushed file not yet deleted */
byte pinv; bool pin, pinseen[2], pinned_ok;
bool flushed, dropacked, relAcked; /* node was told: flush ok; drop ok */
bool lost;
byte phase[3];                     /* leader: 0 working 1 waiting 2 dead */
typedef msg { mtype op; byte t; byte k; byte e; byte p; byte v; bool live };
msg late[NLATE]; byte nlate;
#define live(k) (st[k] == GROW && !marked)
#define quiet (!late[0].live && !late[NLATE - 1].live)
inline inv() {
  assert(!marked || ck == 2);                              /* marked only when all rows before the drop are committed */
  assert(!flushed || ck >= 1 );                            /* acknowledged flush stays */
  assert(!dropacked || marked);                            /* an acknowledged drop is durable */
  assert(st[0] < COLL || marked || COMPACT); assert(st[1] < COLL || marked);   /* nothing collected that is not durably dropped */
  assert(!(pin && pinned_ok && pinseen[0] && st[0] >= COLL)); assert(!(pin && pinned_ok && pinseen[1] && st[1] >= COLL))
}
inline apply(xop, xt, xk, xe, xp, xv, xres) {
  xres = REJ;
  if
  :: R_TERM && xt != term && xop != PINW && xop != UNPIN -> skip
  :: else ->
    if
    :: xop == ALLOC && st[1] == NONE && (!R_ALLOC || !marked) -> assert(!marked); st[1] = GROW; sr[1]++; xres = OK
    :: xop == FLUSH && epoch == xe && prog == xp && sr[xk] == xv && st[xk] == GROW && (!R_MARKENTRY || !marked) ->
         assert(!marked);                                  /* no live segment after the drop: nothing may change it */
         files[xk] = 1; sr[xk]++; prog++; if :: ck == 0 -> ck = 1 :: else fi; xres = OK
    :: xop == FINALS && epoch == xe && prog == xp && (!R_MARKENTRY || !marked) ->
         assert(!marked); prog++; ck = 2;
         if :: st[0] == GROW -> files[0] = 1; sr[0]++ :: else fi; if :: st[1] == GROW -> files[1] = 1; sr[1]++ :: else fi; xres = OK
    :: xop == MARK && !marked && (!R_ENTRYCMP || epoch == xe) && (!R_PROGCMP || prog == xp) -> marked = 1; prog++; xres = OK
    :: xop == LAZY && (R_LAZYCMP -> sr[xk] == xv : 1) -> assert(marked && st[xk] != GONE && st[xk] != COLL); st[xk] = DROP; sr[xk]++; xres = OK
    :: xop == COLLECT && (!R_COLLCMP || sr[xk] == xv) && (!R_PINVER || pinv == xp) && (!R_DURABLE || st[xk] == DROP || marked) ->
         assert(st[xk] == DROP || marked || st[xk] == COLL || st[xk] == GONE); st[xk] = COLL; sr[xk]++; xres = OK
    :: xop == DONE && marked -> mdone = 1; xres = OK
    :: xop == PINW && (!R_PINBUMP || pinv == xp) -> assert(!relAcked); pin = 1; pinv++; xres = OK
    :: xop == UNPIN && pinv == xp -> pin = 0; pinv++; xres = OK
    :: else
    fi
  fi;
  inv()
}
inline put(xop, xt, xk, xe, xp, xv) { late[nlate].op = xop; late[nlate].t = xt; late[nlate].k = xk; late[nlate].e = xe; late[nlate].p = xp; late[nlate].v = xv; late[nlate].live = 1; nlate++ }
inline send(xop, xk, xe, xp, xv) {
  do
  :: atomic { apply(xop, t, xk, xe, xp, xv, res) }; break
  :: atomic { nlate < NLATE -> put(xop, t, xk, xe, xp, xv); res = UNK }; if :: break :: skip fi
  od }
/* leader: serves allocation, flush, flush_and_drop; rewrites lazily; sweeps. A crash anywhere, then its successor */
bool crash;
proctype leader() {
  byte t = 1, res, k, v, p, e; bool recovered, nofiles, flushdone, allocdone, seen, memdrop;
start: {
  /* recovery decision */
  atomic { recovered = (R_BYMARK -> !marked : !(marked || (st[0] != GROW && st[1] != GROW)));
           assert(recovered || marked); recovered = 0 };         /* a channel that still has rows to come is recovered */
loop:
  atomic { res = 0; v = 0; p = 0; e = 0; k = 0; seen = 0; if :: st[0] != COLL && st[1] != COLL -> nofiles = 0 :: else fi };
  do
  :: !allocdone -> atomic { allocdone = 1; if :: st[1] == NONE && !marked :: else -> goto loop fi }; send(ALLOC, 1, 0, 0, 0); goto loop
  :: !flushdone && !marked -> atomic { flushdone = 1; e = epoch; p = prog; if :: k = 0 :: k = 1 fi; v = sr[k] };
       send(FLUSH, k, e, p, v); if :: res == OK -> flushed = 1 :: else fi; goto loop
  :: !dropacked -> 
       /* flush_and_drop, asked (again) by the current holder, who reads what it continues from when it asks */
       atomic { e = epoch; p = prog; if :: R_RECOG && marked -> dropacked = 1; goto loop :: else fi };
       assert(R_RECOG || !marked);                          /* a repeat would be refused for ever */
       if :: ck != 2 -> send(FINALS, 0, e, p, 0); if :: res == OK || !R_AFTER :: else -> goto loop fi
          :: ck == 2 -> skip fi;
       atomic { if :: ck == 2 || !R_AFTER -> p = prog :: else -> goto loop fi };
       if :: epoch == e :: else -> goto loop fi;
       memdrop = 1;
       send(MARK, 0, e, p, 0); if :: res == OK -> dropacked = 1 :: else fi; goto loop
  :: marked && !mdone ->
       do
       :: k < 2 -> atomic { seen = (st[k] == GROW); v = sr[k] }; if :: seen -> send(LAZY, k, 0, 0, v); if :: res == OK || !R_DONEALL -> k++ :: else -> goto loop fi
                            :: else -> k++ fi
       :: k == 2 -> break
       od;
       send(DONE, 0, 0, 0, 0); goto loop
  :: (st[0] < COLL || st[1] < COLL) && (marked || st[0] == DROP || (!R_DURABLE && memdrop)) ->        /* dropped sweep: also by the mark alone */
       atomic { if :: k = 0 :: k = 1 fi; v = sr[k]; p = pinv; nofiles = !files[k];
                if :: (st[k] == DROP || (st[k] == GROW && (marked || !R_DURABLE))) && !pin :: else -> goto loop fi };
       send(COLLECT, k, 0, p, v); goto loop
  :: st[0] == COLL || st[1] == COLL ->
       atomic { if :: st[0] == COLL -> k = 0 :: else -> k = 1 fi;
                if :: R_FILES || !nofiles -> files[k] = 0 :: else fi; st[k] = GONE; sr[k]++; assert(!files[k]); inv() }; goto loop
  :: atomic { allocdone && flushdone && dropacked && marked && mdone && st[0] != GROW && st[0] != COLL && st[1] != COLL &&
              (pin || (st[0] == GONE && (st[1] == GONE || st[1] == NONE || st[1] == GROW))) -> phase[t] = 1 };
       atomic { (st[0] == DROP && !pin) || (st[1] == DROP && !pin) -> phase[t] = 0 }; goto loop
  od
} unless { atomic { crash -> crash = 0; phase[1] = 0; t = 2; res = 0; k = 0; v = 0; p = 0; e = 0; nofiles = 0; flushdone = 1; allocdone = 1; seen = 0; memdrop = 0 }; goto start }
}
inline land(i) { if :: apply(late[i].op, late[i].t, late[i].k, late[i].e, late[i].p, late[i].v, res) :: skip fi;
  late[i].op = 0; late[i].t = 0; late[i].k = 0; late[i].e = 0; late[i].p = 0; late[i].v = 0; late[i].live = 0; res = 0 }
proctype network() { byte res;
  do
  :: atomic { late[0].live -> land(0) }
#if NLATE > 1
  :: atomic { late[1].live -> land(1) }
#endif
#if NLATE > 2
  :: atomic { late[2].live -> land(2) }
#endif
  od }
proctype election() { atomic { term = 2; crash = 1 } }
proctype move() { atomic { if :: !marked -> epoch = 2; prog++ ; if :: ck == 2 -> skip :: else fi :: else fi } }   /* the channel goes to another node */
proctype compact() { atomic { st[0] == GROW && !marked -> st[0] = DROP; sr[0]++ } }
proctype pinner() { byte res, p, t; bool a, b;
again:
  atomic { p = pinv; a = (st[0] < COLL && st[0] != NONE); b = (st[1] < COLL && st[1] != NONE) };
  do
  :: atomic { apply(PINW, 0, 0, 0, p, 0, res) }; break
  :: atomic { nlate < NLATE -> put(PINW, 0, 0, 0, p, 0); res = UNK }; if :: break :: skip fi
  od;
  if :: res == OK :: res == REJ && pinv != p && !pin -> goto again :: else -> goto check fi;
check:
  atomic { if :: pin -> skip :: else -> goto end fi;
           if :: R_PINSEE -> a = (st[0] < COLL && st[0] != NONE); b = (st[1] < COLL && st[1] != NONE) :: else fi;
           pinseen[0] = a; pinseen[1] = b; pinned_ok = 1; inv() };
  atomic { pinned_ok = 0; p = pinv; a = 0; b = 0; pinseen[0] = 0; pinseen[1] = 0 };
  atomic { apply(UNPIN, 0, 0, 0, p, 0, res) };
  relAcked = (res == OK);
end: skip }
proctype monitor() { atomic { term == 2 && phase[2] == 1 && quiet ->
  assert(st[1] == NONE || st[1] >= DROP); assert(!files[0] || st[0] < COLL); assert(!(relAcked && pin)) } }
init { atomic { st[0] = GROW; run leader(); run network(); run election(); run monitor();
  if :: MOVE -> run move() :: else fi; if :: COMPACT -> run compact() :: else fi; if :: PIN -> run pinner() :: else fi } }
