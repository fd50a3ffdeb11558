// Which pages a search shows first: those that explain come before those that list names of the code.
var Scorer = {
  score: (result) => {
    const [docname, , , , score] = result;
    return /^guide\/api|^genindex|^py-modindex/.test(docname) ? score / 4 : score;
  },
  objNameMatch: 11,
  objPartialMatch: 6,
  objPrio: { 0: 15, 1: 5, 2: -5 },
  objPrioDefault: 0,
  title: 15,
  partialTitle: 7,
  term: 5,
  partialTerm: 2,
};
