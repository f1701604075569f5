# ruff: noqa: RUF001 - names are written in their own letters
"""Word lists for made-up companies: names of several scripts, places, jobs, groups, courses."""

from __future__ import annotations

#: (first names, last names) that go together. Umlauts, apostrophes, hyphens, CJK, right-to-left scripts.
PEOPLE: tuple[tuple[tuple[str, ...], tuple[str, ...]], ...] = (
    (
        ("Jürgen", "Anneliese", "Björn", "Käthe", "Uwe", "Sören", "Mia", "Leon", "Hannelore", "Jörg"),
        ("Müller", "Schäfer", "Weiß", "Groß-Böttcher", "von der Heide", "Özdemir", "Krüger", "Löwe", "Jäger"),
    ),
    (
        ("Saoirse", "Niamh", "Conor", "Aoife", "Liam", "Grace", "Oliver", "Amelia", "Jack", "Olivia"),
        ("O'Brien", "O'Neill", "McCarthy", "D'Arcy", "Smith", "Taylor-Jones", "Walsh", "Hughes", "Null"),
    ),
    (
        ("Zoë", "Chloé", "François", "Hélène", "Noël", "Aurélie", "Loïc", "Maëlle", "Gérard"),
        ("L'Hôpital", "d'Estaing", "Lefèvre", "Béranger", "Garçon", "Le Goff", "Château", "Dupré"),
    ),
    (
        ("María José", "Íñigo", "Begoña", "João", "Conceição", "Lucía", "Andrés", "Inês"),
        ("Muñoz", "Núñez de Balboa", "Peña", "Gonçalves", "Ibáñez", "Güell", "São Miguel", "Castaño"),
    ),
    (
        ("Łukasz", "Zdzisława", "Jiří", "Šárka", "Ždeněk", "Małgorzata", "Ștefan", "Gyöngyi"),
        ("Wiśniewski", "Brzęczyszczykiewicz", "Dvořák", "Čapek", "Nowak", "Țepeș", "Szőke", "Błaszczyk"),
    ),
    (
        ("Åsa", "Øystein", "Þórdís", "Åke", "Søren", "Astrid", "Bjørk", "Jørn"),
        ("Ångström", "Østergård", "Guðmundsdóttir", "Lindqvist", "Nygård", "Sæther", "Bäckström"),
    ),
    (
        ("Ayşe", "Çağlar", "Gülşah", "İbrahim", "Şebnem", "Özgür", "Işıl"),
        ("Yıldırım", "Çelik", "Şahin", "Güneş", "Öztürk", "Kılıç", "Işık"),
    ),
    (("太郎", "美咲", "健太", "さくら", "翔太", "葵"), ("山田", "佐藤", "鈴木", "髙橋", "田中", "渡邊")),
    (("伟", "芳", "秀英", "娜", "敏", "静"), ("王", "李", "张", "刘", "欧阳", "司马")),
    (("민준", "서연", "지훈", "하은"), ("김", "이", "박", "최")),
    (("محمد", "فاطمة", "يوسف", "ليلى", "خالد"), ("الحداد", "بن علي", "المصري", "الخطيب")),
    (("נועה", "אורי", "תמר", "יונתן"), ("כהן", "לוי", "בן-דוד", "מזרחי")),
    (("Αλέξανδρος", "Ελένη", "Γιώργος"), ("Παπαδόπουλος", "Νικολάου", "Γεωργίου")),
    (("Олексій", "Юлія", "Дмитро", "Ірина"), ("Шевченко", "Коваленко", "Бондаренко")),
    (("Nguyễn Thị", "Trần Văn", "Lê Hoàng"), ("Phượng", "Đức", "Hạnh", "Quỳnh")),
    (("प्रिया", "अर्जुन", "Aarav", "Ananya"), ("शर्मा", "Iyer", "Venkataraman", "वर्मा")),
)

#: (city, state or None, country code, postal code, street)
PLACES: tuple[tuple[str, str | None, str, str, str], ...] = (
    ("Berlin", None, "DE", "10115", "Chausseestraße 12a"),
    ("München", "Bayern", "DE", "80331", "Sendlinger Straße 4"),
    ("Köln", None, "DE", "50667", "Hohe Straße 99"),
    ("Zürich", "ZH", "CH", "8001", "Löwenstraße 7"),
    ("Wien", None, "AT", "1010", "Kärntner Ring 1/3/14"),
    ("Paris", None, "FR", "75001", "12, rue de l'Échelle"),
    ("Łódź", None, "PL", "90-001", "ul. Piotrkowska 104"),
    ("São Paulo", "SP", "BR", "01310-100", "Avenida Paulista 1000"),
    ("İstanbul", None, "TR", "34000", "İstiklal Caddesi 5"),
    ("東京", "東京都", "JP", "100-0001", "千代田1-1"),
    ("上海", None, "CN", "200000", "南京东路100号"),
    ("תל אביב", None, "IL", "6100000", "רוטשילד 1"),
    ("دبي", None, "AE", "00000", "شارع الشيخ زايد"),
    ("St. John's", "NL", "CA", "A1A 1A1", "O'Connell Drive 3"),
    ("New York", "NY", "US", "10001", "350 5th Ave, Floor 21"),
    ("Llanfairpwllgwyngyllgogerychwyrndrobwllllantysiliogogogoch", "Wales", "GB", "LL61 5UJ", "Station Rd"),
)

JOBS: tuple[str, ...] = (
    "Software Engineer",
    "Senior Backend Engineer",
    "Buchhalter:in",
    "Sachbearbeiter (m/w/d) Lohn & Gehalt",
    "Chargé·e de recrutement",
    "Head of People & Culture 🚀",
    "Key Account Manager",
    "営業担当",
    "Pflegefachkraft",
    "Data Analyst",
    "Werkstudent:in Marketing",
    'Product Manager "Growth"',
    "Customer Success Manager",
    "Site Reliability Engineer",
    "Lagerlogistik; Schicht B",
)

DEPARTMENTS: tuple[str, ...] = (
    "Engineering",
    "Finance & Controlling",
    "Vertrieb DACH",
    "People",
    "Öffentlichkeitsarbeit",
    "製品開発",
    "Legal",
    "Customer Care",
    "IT",
    "Ressources humaines",
)

COMPANIES: tuple[str, ...] = (
    "Grünwerk GmbH",
    "Smørrebrød A/S",
    "Café Société SARL",
    "Ångström & Söner AB",
    "株式会社さくら",
    "O'Hara Logistics Ltd.",
    "Nordwind SE & Co. KGaA",
    "Ünlü A.Ş.",
)

TAGS: tuple[str, ...] = (
    "Top-Talent ⭐",
    "referral",
    "Initiativbewerbung",
    "remote only",
    "re-apply 2027",
    "内推",
)

SKILLS: tuple[str, ...] = (
    "Python",
    "PostgreSQL",
    "Verhandlungsführung",
    "First aid",
    "Bilanzbuchhaltung (IHK)",
    "Forklift licence",
    "日本語 N2",
    "Public speaking",
    "C++",
    "Konfliktmanagement",
    "Data protection",
    "Welding",
)

COURSES: tuple[str, ...] = (
    "Arbeitsschutz Grundlagen",
    "GDPR for everyone",
    "Leadership I",
    "SQL: from zero to window functions",
    "Ersthelfer-Auffrischung",
    "情報セキュリティ研修",
    "Unconscious bias",
    "Onboarding 🎉",
)

NOTES: tuple[str, ...] = (
    "<p>Strong in system design, <b>weak</b> on SQL.</p>",
    "<p>Gehaltsvorstellung: 65.000&nbsp;€ – 70.000&nbsp;€</p>",
    "<p>Called twice, no answer 📵</p>",
    "<p>مرشح ممتاز</p>",
    '<p>"Would hire again" – ref. O\'Neill</p>\n<ul><li>speaks 日本語</li></ul>',
    "",
)

SENTENCES: tuple[str, ...] = (
    "You will own what you build, from the first sketch to the pager.",
    "Wir bieten 30 Tage Urlaub, ein Jobticket und einen höhenverstellbaren Schreibtisch.",
    "Nous recherchons une personne curieuse, rigoureuse et à l'écoute.",
    "Erfahrung mit SAP ist von Vorteil; Neugier ist Voraussetzung.",
    "チームで働くことが好きな方を歓迎します。",
    "We value plain language 💬 and short meetings.",
)
