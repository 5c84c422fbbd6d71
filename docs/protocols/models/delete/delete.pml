/* delete.pml - executable specification of the delete of a storage group on all nodes.
 *
 * The coordinator records the delete as a procedure (start, stop, finish, abandon) with the list of nodes that must acknowledge,
 * and writes a tombstone that refuses a new creation of the path. Each node drops its data, then acknowledges. The delete is finished
 * only when every member of that moment has acknowledged; a watermark stays behind, above which the path may be created again.
 * Property P4: no node that serves holds data of a finished delete, and nothing that was not asked to be deleted is.
 *
 * Three nodes (0 and 1 are members at first, 2 may join, any may be removed), two coordinators, one path that is created, deleted and created
 * again. A generation is the revision at which the storage group was created; sets of generations are bit masks.
 * Messages are sets: delivered any time, any number of times, in any order, or never. A write accepted by a node (or an entry of its raft log,
 * or a snapshot on its way to it) is in flight and lands any time later. A node may come back with an old disk.
 * R_*: the usual rules; D_*: rules that are needed beyond them. AS_WRITTEN switches all D_* off. CONV adds "faults stop" and checks terminal states.
 */
#ifndef DEF
#ifdef AS_WRITTEN
#define DEF 0
#else
#define DEF 1
#endif
#endif
#ifndef R_TERM
#define R_TERM 1     /* coordinator writes compare the term */
#endif
#ifndef R_PROC
#define R_PROC 1     /* coordinator writes compare the procedure's record */
#endif
#ifndef R_OWNACK
#define R_OWNACK 1   /* done only by own acknowledgement, not by a status flag */
#endif
#ifndef R_TOMB
#define R_TOMB 1     /* create is refused while a tombstone stands */
#endif
#ifndef R_COMPARE
#define R_COMPARE 1  /* a node compares tombstones at start, before it serves */
#endif
#ifndef D_GEN
#define D_GEN DEF    /* delete names the generation; only data of that generation or older goes */
#endif
#ifndef D_ACKID
#define D_ACKID DEF  /* an acknowledgement names the delete */
#endif
#ifndef D_WM
#define D_WM DEF     /* finish turns the tombstone into a lasting watermark, above which the path may be created again */
#endif
#ifndef D_ACTIVE
#define D_ACTIVE DEF /* the comparison at start covers deletes under way, not only finished ones */
#endif
#ifndef D_LOCAL
#define D_LOCAL DEF  /* a node stores the watermark durably before it acknowledges; nothing at or below it is applied afterwards */
#endif
#ifndef D_MEMBERS
#define D_MEMBERS DEF /* finish compares membership: every member of that moment has acknowledged or joined after start */
#endif
#ifndef D_JOIN
#define D_JOIN DEF   /* a joining node compares tombstones after its membership is recorded, before it serves or receives */
#endif
#ifndef D_ABGEN
#define D_ABGEN DEF  /* abandoning gives the storage group a new generation */
#endif
#ifndef F
#define F 4
#endif
#define NN 3
#ifndef MAXG
#define MAXG 2
#endif
#define B(x) (1 << (x))
#define UPTO(g) (B((g) + 1) - 2)               /* generations 1..g */
#define NONE 0
#define START 1
#define STOP 2
#define FIN 3
#define ABD 4
#define RES 5
/* the store */
byte term = 1, sg, gens, tomb, wm, members = 3;
byte pst, did, plist, packs;                   /* the procedure's record: state, generation, must acknowledge, have acknowledged */
/* coordinators */
byte cterm[2], kind[2], g_id[2], g_st[2], g_ak[2], g_mb[2];
byte o_kind, o_term, o_id, o_st, o_ak, o_mb;   /* a transaction of unknown outcome */
/* nodes */
bool up[NN], serving[NN];
byte data[NN], ltomb[NN], cache[NN];           /* durable, durable, volatile */
/* network */
byte del[NN], ack[NN], wr[NN];
/* ghosts */
byte faults = F, reqd, finished, i;
bool calm;

#define DEAD_GENS finished
inline check() {
  /* P4: no serving member holds data of a finished delete; after stop only listed nodes hold any */
  for (i : 0 .. NN - 1) {
    assert(!(up[i] && serving[i] && (members & B(i)) && (data[i] & DEAD_GENS)));
    assert(!(pst == STOP && up[i] && serving[i] && (members & B(i)) && (packs & B(i)) && (data[i] & UPTO(did))))
  }
  i = 0
}
#define ALLACK(mb) (D_MEMBERS -> ((mb) & ~packs) == 0 : (plist & (mb) & ~packs) == 0)
#define DOWN_OK(mb) (((mb) & plist & ~packs & (up[0] | (up[1] << 1) | (up[2] << 2))) == 0)
#define GUARD(t, id, st, ak, mb, k) ((!R_TERM || (t) == term) && (!R_PROC || (did == (id) && pst == (st) && packs == (ak))) && (!((k) == FIN && D_MEMBERS) || members == (mb)))
inline apply(k) {
  if
  :: k == FIN -> pst = FIN; finished = finished | B(did); sg = 0; tomb = 0;
     if :: D_WM -> wm = did :: else fi
  :: k == STOP -> pst = STOP
  :: k == RES -> pst = START
  :: k == ABD -> pst = NONE; tomb = 0; packs = 0; plist = 0;
     if :: D_ABGEN -> gens++; sg = gens :: else -> reqd = reqd & ~B(did) fi
  fi;
  check()
}
#define idle(c) kind[c] = 0; g_id[c] = 0; g_st[c] = 0; g_ak[c] = 0; g_mb[c] = 0
#define decide(c, k) kind[c] = k; g_id[c] = did; g_st[c] = pst; g_ak[c] = packs; g_mb[c] = members
#define LEADS(c) (cterm[c] != 0 && kind[c] == 0)
#define COORD(c) \
 :: d_step { (!calm && faults > 0 && cterm[c] != term) -> faults--; term++; cterm[c] = term; idle(c) } \
 :: d_step { (LEADS(c) && cterm[c] == term && sg == 0 && (!R_TOMB || tomb == 0) && gens < MAXG && !calm) -> gens++; sg = gens } \
 /* start: one transaction writes the record, the list and the tombstone */ \
 :: d_step { (LEADS(c) && cterm[c] == term && sg != 0 && tomb == 0 && !calm) -> pst = START; did = sg; tomb = sg; plist = members; packs = 0; reqd = reqd | B(sg) } \
 /* send to every node that has not acknowledged */ \
 :: d_step { (LEADS(c) && pst == START && ((plist | (D_MEMBERS -> members : 0)) & ~packs & 1) && !(del[0] & B(did))) -> del[0] = del[0] | B(did) } \
 :: d_step { (LEADS(c) && pst == START && ((plist | (D_MEMBERS -> members : 0)) & ~packs & 2) && !(del[1] & B(did))) -> del[1] = del[1] | B(did) } \
 :: d_step { (LEADS(c) && pst == START && ((plist | (D_MEMBERS -> members : 0)) & ~packs & 4) && !(del[2] & B(did))) -> del[2] = del[2] | B(did) } \
 /* record acknowledgements */ \
 RECACK(c,0) RECACK(c,1) RECACK(c,2) \
 :: d_step { (LEADS(c) && pst == START && (ALLACK(members) || (!R_OWNACK && DOWN_OK(members)))) -> decide(c, FIN) } \
 :: d_step { (LEADS(c) && pst == START && faults > 0 && !calm) -> faults--; decide(c, STOP) } \
 :: d_step { (LEADS(c) && pst == STOP) -> decide(c, RES) } \
 :: d_step { (LEADS(c) && pst == STOP && faults > 0 && gens < MAXG && !calm) -> faults--; decide(c, ABD) } \
 :: d_step { (kind[c] != 0 && GUARD(cterm[c], g_id[c], g_st[c], g_ak[c], g_mb[c], kind[c])) -> apply(kind[c]); idle(c) } \
 :: d_step { (kind[c] != 0 && !GUARD(cterm[c], g_id[c], g_st[c], g_ak[c], g_mb[c], kind[c])) -> idle(c); if :: R_TERM && cterm[c] != term -> cterm[c] = 0 :: else fi } \
 :: d_step { (kind[c] != 0 && !calm && faults > 0 && o_kind == 0) -> faults--; o_kind = kind[c]; o_term = cterm[c]; o_id = g_id[c]; o_st = g_st[c]; o_ak = g_ak[c]; o_mb = g_mb[c]; idle(c) }
#define RECACK(c,n) :: d_step { (LEADS(c) && (!R_TERM || cterm[c] == term) && (pst == START || pst == STOP) && !(packs & B(n)) && (D_ACKID -> (ack[n] & B(did)) : ack[n])) -> packs = packs | B(n); check() }

/* what a node drops before it serves: below the watermark, and (D_ACTIVE) below the standing tombstone */
#define FLOOR (wm > (D_ACTIVE -> tomb : 0) -> wm : (D_ACTIVE -> tomb : 0))
#define NODE(n) \
 /* the cache follows the table, late or never; a write is accepted by what the cache says */ \
 :: d_step { (up[n] && serving[n] && (members & B(n)) && cache[n] != (tomb == 0 -> sg : 0)) -> cache[n] = (tomb == 0 -> sg : 0) } \
 :: d_step { (up[n] && serving[n] && cache[n] != 0 && !(wr[n] & B(cache[n])) && !calm) -> wr[n] = wr[n] | B(cache[n]) } \
 LANDING(n,1) LANDING(n,2) LANDING(n,3) DELIVER(n,1) DELIVER(n,2) DELIVER(n,3) \
 :: d_step { (!calm && up[n] && faults > 0) -> faults--; up[n] = 0; serving[n] = 0; cache[n] = 0 } \
 :: d_step { (!calm && !up[n] && faults > 0 && data[n] != 2) -> faults--; data[n] = 2; ltomb[n] = 0 }    /* an old disk is put back */ \
 :: d_step { (!up[n]) -> up[n] = 1 } \
 :: d_step { (up[n] && !serving[n] && (members & B(n))) -> serving[n] = 1; \
      if :: R_COMPARE && (D_JOIN || n != 2) && FLOOR != 0 -> data[n] = data[n] & ~UPTO(FLOOR); if :: D_LOCAL && ltomb[n] < FLOOR -> ltomb[n] = FLOOR :: else fi :: else fi; check() } \
 :: d_step { (!calm && faults > 0 && (members & B(n)) && members != B(n)) -> faults--; members = members & ~B(n); serving[n] = 0; cache[n] = 0 } \
 :: d_step { (!calm && faults > 0 && !(members & B(n)) && up[n]) -> faults--; members = members | B(n); serving[n] = 0 } \
 /* a copy of another member's data is sent to this one (raft snapshot, replica move) */ \
 SNAP(n,0) SNAP(n,1) SNAP(n,2)
#define SNAP(n,m) :: d_step { (n != m && !calm && (members & B(n)) && (members & B(m)) && up[m] && serving[m] && (data[m] & ~wr[n])) -> wr[n] = wr[n] | data[m] }
#define LANDING(n,g) :: d_step { ((wr[n] & B(g)) && up[n] && serving[n] && !(data[n] & B(g)) && (!D_LOCAL || g > ltomb[n])) -> data[n] = data[n] | B(g); wr[n] = wr[n] & ~B(g); check() } \
 :: d_step { ((wr[n] & B(g)) && ((data[n] & B(g)) || (D_LOCAL && g <= ltomb[n]))) -> wr[n] = wr[n] & ~B(g) }
#define DOOMED(n,g) (D_GEN -> data[n] & UPTO(g) : data[n])
#define DELIVER(n,g) :: d_step { (up[n] && (del[n] & B(g)) && (DOOMED(n,g) || !(ack[n] & B(g)) || (D_LOCAL && ltomb[n] < g))) -> \
   assert((DOOMED(n,g) & ~reqd) == 0);         /* P4: nothing else is deleted */ \
   data[n] = data[n] & ~DOOMED(n,g); if :: D_LOCAL && ltomb[n] < g -> ltomb[n] = g :: else fi; \
   if :: cache[n] <= g || !D_GEN -> cache[n] = 0 :: else fi; ack[n] = ack[n] | B(g) }

active proctype world() {
  d_step { cterm[0] = 1; gens = 1; sg = 1; up[0] = 1; up[1] = 1; up[2] = 1; serving[0] = 1; serving[1] = 1; data[0] = 2; data[1] = 2; cache[0] = 1; cache[1] = 1 }
  do
  COORD(0) COORD(1) NODE(0) NODE(1) NODE(2)
  :: d_step { (o_kind != 0 && GUARD(o_term, o_id, o_st, o_ak, o_mb, o_kind)) -> apply(o_kind); o_kind = 0; o_term = 0; o_id = 0; o_st = 0; o_ak = 0; o_mb = 0 }
  :: d_step { (o_kind != 0) -> o_kind = 0; o_term = 0; o_id = 0; o_st = 0; o_ak = 0; o_mb = 0 }
#ifdef CONV
  :: d_step { (!calm) -> calm = 1 }
  :: d_step { (!calm) -> calm = 1; for (i : 0 .. NN - 1) { del[i] = 0; ack[i] = 0; wr[i] = 0 }; i = 0 }
#endif
  :: else ->
#ifdef CONV
     if
     :: calm -> assert(pst == NONE || pst == FIN); assert(tomb == 0);
        for (i : 0 .. NN - 1) { assert(!(members & B(i)) || (serving[i] && (data[i] & finished) == 0)) }
     :: else
     fi;
#endif
     break
  od
}
