"""Texts for comparisons on real checkpoints: English, Chinese and code, of 1 to 1,500 tokens."""

ENGLISH = [
    """The harbour office opens at six, before the first ferry leaves for the islands. Marta Lindqvist, who has
kept the log there since 1998, writes down the wind, the height of the tide and the name of every vessel that
asks for a berth. On quiet mornings she has time to read the entries of her predecessor, a retired captain with
small, upright handwriting who noted not only the weather but also what the fishermen said about it.""",
    """Two companies announced on Tuesday that they would build a plant for recycling batteries near the old
shipyard. The mayor welcomed the plan, although residents worry about the lorries that would pass the school.
According to the engineers, the process recovers most of the lithium and nearly all of the cobalt, and it needs
less water than the method that was proposed three years ago and rejected by the regional court.""",
    """In her second book the historian argues that the canal was never meant to carry grain. She has found
letters in which the duke asks his surveyors for a route that would be deep enough for stone barges, and bills
for a kind of crane that no granary would have needed. Her critics answer that letters of intent are cheap, that
the bills were never paid, and that the locks, once built, were too narrow for anything but grain.""",
    """To repot an orchid, wait until it has finished flowering. Soak the roots, shake off the old bark, and cut
away whatever is brown and hollow. Choose a pot that looks too small; the roots like company. Fill the gaps with
fresh bark, water once, and then leave the plant alone for ten days. If new leaves come out pleated like a fan,
the air in the room is too dry, and a dish of wet gravel below the pot will help more than watering.""",
]
CHINESE = [
    """清晨六点，码头的灯还亮着，第一班渡船已经准备出发。老周在这里工作了二十多年，每天把风向、潮位和每一艘船的名字记在
本子上。他说，机器也能记，可是机器不会记下渔民说的话。去年冬天，一位年轻的记者来找他，想写一篇关于这座小港的报道，他们
聊了整整一个下午，从台风聊到海带的价格。""",
    """星河科技有限公司周二宣布，将与东江大学共同建设一座电池回收实验室。公司创始人李文表示，新工艺可以回收九成以上的锂和
几乎全部的钴，用水量也比旧方法少得多。当地居民对此看法不一：有人期待新的工作岗位，也有人担心运输车辆会经过学校门口。""",
    """这本书的作者认为，古代的驿道并不是为了传递军情才修建的。她在档案里找到了几封信，信中县官向工匠询问能够通行石料车的
路线，还列出了修桥所需的木料和铁钉。批评她的人回答说，信写得再详细，也不能证明路真的那样修过。""",
]
CODE = [
    """def merge_intervals(intervals):
    \"\"\"Joins intervals that touch; the result is sorted.\"\"\"
    merged = []
    for begin, end in sorted(intervals):
        if merged and begin <= merged[-1][1]:
            merged[-1][1] = max(merged[-1][1], end)
        else:
            merged.append([begin, end])
    return [tuple(pair) for pair in merged]


def total_length(intervals):
    return sum(end - begin for begin, end in merge_intervals(intervals))
""",
    """template <class Key, class Value>
class LeastRecentlyUsed {
 public:
  explicit LeastRecentlyUsed(size_t capacity) : capacity_(capacity) {}
  Value* find(const Key& key) {
    const auto found = places_.find(key);
    if (found == places_.end()) return nullptr;
    order_.splice(order_.begin(), order_, found->second);
    return &found->second->second;
  }

 private:
  size_t capacity_;
  std::list<std::pair<Key, Value>> order_;
  std::unordered_map<Key, typename std::list<std::pair<Key, Value>>::iterator> places_;
};
""",
    """SELECT station.name, avg(reading.celsius) AS mean, count(*) AS readings
FROM reading JOIN station ON station.id = reading.station_id
WHERE reading.taken_at >= '2024-06-01' AND reading.celsius IS NOT NULL
GROUP BY station.name
HAVING count(*) > 100
ORDER BY mean DESC;
""",
]


def fifty_sequences(encode, longest=1500):
    """Fifty lists of ids, the lengths from 1 to `longest`; each begins at another place of its text."""
    kinds = [encode("\n\n".join(texts * 12)) for texts in (ENGLISH, CHINESE, CODE)]
    lengths = [1, 2, 3, 5, 8, 13, 21, 34, 55, 89, 144, 233, 377, 610, 987, longest]
    lengths = (lengths * 3 + [17, 100])[:50]
    sequences = []
    for i, length in enumerate(lengths):
        ids = kinds[i % 3]
        begin = (37 * i) % max(1, len(ids) - length)
        sequences.append(ids[begin : begin + length])
    return sequences


PROMPTS = [
    "The capital of France is", "Water boils at a temperature of", "Once upon a time there was",
    "The three largest countries of the world are", "def fibonacci(n):\n", "A recipe for bread: first",
    "My favourite book is about", "The company was founded in 1998 by", "SELECT name FROM users WHERE",
    "Photosynthesis is the process by which", "The opposite of hot is", "In the year 1969,",
    "To change a tyre, you should", "class Stack:\n    def __init__(self):\n", "Dear Sir or Madam,",
    "The moon goes around the", "Three reasons to learn a language:", "Q: What is 7 times 8?\nA:",
    "The orchestra began to play when", "Translate into French: good morning.",
]
