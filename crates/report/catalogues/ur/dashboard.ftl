# انگریزی فہرست: ../en/dashboard.ftl

dash-name = وائر وٹنس
dash-skip = مواد پر جائیں
dash-nav = صفحات
dash-languages = زبانیں
dash-find = نام، نیٹ ورک یا ملک
dash-find-do = تلاش کریں
dash-nav-overview = جائزہ
dash-nav-events = واقعات
dash-nav-measurements = پیمائشیں
dash-nav-compare = موازنہ
dash-nav-lists = فہرستیں
dash-nav-captures = کیپچرز
dash-nav-devices = آلات
dash-nav-search = تلاش
dash-nav-status = ڈیٹا کی حالت
dash-nav-method = طریقہ
dash-made-up = یہ پیمائشیں پروگرام دکھانے کے لیے فرضی ہیں: ان سے کوئی حقیقی ملک، نیٹ ورک یا بندش مراد نہیں۔
dash-commit = آرکائیو، کمٹ { $commit } کے مطابق۔
dash-latest = آخری پیمائش: { $time }۔
dash-left-out = پرانے دن یہاں شامل نہیں کیونکہ گنتیاں بہت زیادہ ہیں: { $days } دن، { $verdicts } فیصلے۔ آرکائیو میں وہ موجود ہیں۔
dash-footer = یہ سائٹ کوئی کوکی نہیں رکھتی اور باہر سے کچھ نہیں لاتی۔ یہ صرف بتاتی ہے کہ کیا ناپا گیا؛ بندش کا حکم کس نے دیا، یہ ناپا نہیں جا سکتا۔

dash-no-page = ایسا کوئی صفحہ نہیں
dash-not-found = آرکائیو میں اس پتے پر کچھ نہیں۔
dash-wrong = یہ سمجھ نہیں آیا: { $what }۔
dash-too-slow = آرکائیو نے جواب میں بہت دیر لگائی۔ کم دن یا ایک ملک کے لیے پوچھیں۔
dash-failed = آرکائیو جواب نہ دے سکا۔
dash-no-table = اس صفحے پر ایسا کوئی جدول نہیں۔

dash-since = اس دن سے
dash-until = اس دن تک
dash-test = ٹیسٹ
dash-all = سب
dash-show = دکھائیں
dash-country-two = ملک (دو حروف)
dash-network-number = نیٹ ورک (AS نمبر)
dash-country-or-network = ملک یا نیٹ ورک

dash-state = حالت
dash-status = نتیجہ
dash-state-blocked = بند
dash-state-partly = جزوی طور پر بند
dash-state-down = خود خراب
dash-state-ok = قابلِ رسائی
dash-state-insufficient = فیصلے کے لیے ناکافی
dash-legend = نشانات کا مطلب
dash-vantages = مقامات
dash-vantages-about =
    { $count ->
        [one] تقریباً { $count } مقام
       *[other] تقریباً { $count } مقامات
    }
dash-vantages-many = { $count } یا زیادہ مقامات
dash-confidence = اعتماد
dash-confidence-is = اعتماد: { $confidence }
dash-blocked-of = { $all } میں سے { $blocked } پیمائشوں میں بند
dash-besides-insufficient = مزید { $count } کچھ نہیں بتاتیں
dash-at-most = زیادہ سے زیادہ { $count }
dash-from-day = اس دن سے
dash-strip = { $what }: { $all } میں سے { $blocked } وقفوں میں بند
dash-numbers = اعداد
dash-the-same-as = یہی بطور
dash-more-rows =
    { $count ->
        [one] مزید { $count } نہیں دکھایا گیا۔
       *[other] مزید { $count } نہیں دکھائے گئے۔
    }
dash-nothing = یہاں کچھ نہیں۔
dash-none = کوئی نہیں

dash-country = ملک
dash-country-code = ملک { $code }
dash-countries = ممالک
dash-network = نیٹ ورک
dash-networks = نیٹ ورکس
dash-network-unknown = نامعلوم نیٹ ورک
dash-name-of = نام
dash-names = نام
dash-target = ہدف
dash-targets = اہداف
dash-mechanism = کیسے
dash-event = واقعہ
dash-kind = قسم
dash-measurement = پیمائش
dash-resolver = ریزالور کا نیٹ ورک
dash-origin = کس کا ڈیٹا
dash-origin-ooni = OONI
dash-origin-wirewitness = وائر وٹنس
dash-origin-capture = کیپچر
dash-origin-population = فرضی
dash-locus = کس نے کیا، جہاں تک معلوم ہے
dash-locus-resolver = ریزالور
dash-locus-path = راستے میں کوئی چیز
dash-locus-endpoint = دوسرا سرا
dash-locus-vantage = خود مقامِ پیمائش
dash-locus-unknown = معلوم نہیں

dash-overview-title = کیا بند ہے، کہاں اور کیسے
dash-holds = { $first } سے { $last } تک { $count } فیصلے۔ ممالک: { $countries }۔
dash-lately = حالیہ تبدیلیاں
dash-all-events = تمام واقعات
dash-where = کہاں
dash-map = دنیا کا نقشہ: ممالک حالت کے لحاظ سے۔ نیچے جدول میں یہی اعداد ہیں۔
dash-names-blocked = نام، سب سے زیادہ بند پہلے
dash-nothing-blocked = جو ناپا گیا اس میں کچھ بند نہیں۔
dash-when = وقت کے ساتھ
dash-verdicts-over-time = وقت کے ساتھ فیصلے
dash-how = کیسے کیا جاتا ہے
dash-no-mechanism = نام نہیں دیا گیا
dash-its-measurements = پیمائشیں
dash-its-events = اس کے تمام واقعات
dash-compare-it = دوسرے سے موازنہ
dash-by-network = ہر نیٹ ورک وقت کے ساتھ
dash-by-network-time = نیٹ ورک اور وقت کے لحاظ سے حالت

dash-no-events = کوئی واقعہ بیان نہیں ہوا۔
dash-events-lead = ایک واقعہ اُن چیزوں کو یکجا کرتا ہے جو ایک وقت میں بند ہوئیں یا کھلیں۔ نیا ڈیٹا بیان کو بدل سکتا ہے؛ پہلا بیان محفوظ رہتا ہے۔
dash-event-block = بند کیا گیا
dash-event-block-over = بند تھا، اب پھر قابلِ رسائی
dash-event-shutdown = انٹرنیٹ بندش
dash-event-shutdown-over = انٹرنیٹ بندش، ختم
dash-and-others =
    { $count ->
        [one] اور { $count } دیگر
       *[other] اور { $count } دیگر
    }
dash-in-networks =
    { $count ->
        [one] { $count } نیٹ ورک میں
       *[other] { $count } نیٹ ورکس میں
    }
dash-from-to = { $from } سے { $to } تک
dash-since-when = { $from } سے
dash-kind-block = بندش
dash-kind-shutdown = انٹرنیٹ بندش
dash-over = ختم
dash-over-no = جاری
dash-over-yes = ختم ہو چکا
dash-certainty = کتنا یقینی
dash-certainty-stated = بیان شدہ
dash-certainty-unconfirmed = غیر مصدقہ
dash-certainty-standing = پہلے سے موجود
dash-certainty-stated-says = تبدیلی خود دیکھی گئی، کافی مقامات سے۔
dash-certainty-unconfirmed-says = بہت کم مقامات نے دیکھا: غیر مصدقہ۔
dash-certainty-standing-says = پہلی پیمائش سے آخری تک بند: آغاز معلوم نہیں۔
dash-began = آغاز
dash-ended = اختتام
dash-lasts = جاری
dash-stated-at = بیان کیا گیا
dash-between = { $after } اور { $at } کے درمیان
dash-evidence = ثبوت
dash-units = { $blocked } اکائیاں بند، { $ok } قابلِ رسائی، { $down } خود خراب (ایک گھنٹے میں ایک مقام ایک اکائی ہے)
dash-country-wide = ناپے گئے نیٹ ورکس کے کم از کم پانچ میں سے چار حصوں میں دیکھا گیا۔
dash-seen-in = جن نیٹ ورکس میں دیکھا گیا
dash-not-seen-in = جن نیٹ ورکس میں یہی قابلِ رسائی تھا
dash-statements = اس کے بارے میں کیا کہا گیا
dash-statements-lead = ہر نظرثانی محفوظ رہتی ہے، چاہے نئے ڈیٹا نے اسے بدل دیا ہو۔
dash-revision = نظرثانی
dash-holds-still = برقرار
dash-yes = ہاں
dash-replaced = بعد والی نے بدل دیا
dash-withdrawn = واپس لیا گیا
dash-no-longer-held = نئے ڈیٹا نے اسے واپس لیا یا بدل دیا۔

dash-measured-at = ناپا گیا
dash-measurement-of = { $name } کی پیمائش
dash-older = پرانی
dash-one-vantage = ایک مقام
dash-one-measurement = ایک پیمائش ایک جگہ سے ایک نظر ہے۔ نیٹ ورک میں کیا بند ہے یہ بہت سی پیمائشیں بتاتی ہیں: نام کا صفحہ دیکھیں۔
dash-rule = اصول
dash-fingerprint = فنگرپرنٹ
dash-source = ماخذ فائل
dash-cannot-tell = یہ کن باتوں میں فرق نہیں کر سکتا
dash-cannot-tell-none = ایسی کوئی بات معلوم نہیں۔
dash-steps = قدم بہ قدم، کنٹرول کے مقابل
dash-steps-lead = ایک طرف وہ جو مقام نے دیکھا؛ دوسری طرف وہی قدم وہاں سے جہاں بندش نہیں۔
dash-no-steps = آرکائیو میں اس کے قدم نہیں۔
dash-vantage-side = مقام
dash-control-side = کنٹرول
dash-no-control = کنٹرول میں ایسا قدم نہیں۔
dash-failed-step = ناکام:
dash-done-step = ہو گیا:
dash-address = پتہ
dash-answers = جوابات
dash-http-status = HTTP حیثیت
dash-title = عنوان
dash-length = لمبائی، بائٹس
dash-server = سرور
dash-after-ms = { $ms } ملی سیکنڈ بعد
dash-step = قدم
dash-side = طرف
dash-layer = تہہ
dash-layer-dns = نام پوچھا گیا (DNS)
dash-layer-tcp = رابطہ (TCP)
dash-layer-tls = خفیہ کاری طے ہوئی (TLS)
dash-layer-quic = رابطہ (QUIC)
dash-layer-http = صفحہ مانگا گیا (HTTP)
dash-layer-app = ایپلیکیشن
dash-outcome = انجام
dash-failure = ناکامی
dash-time-ms = وقت، ملی سیکنڈ
dash-raw = خام ڈیٹا
dash-document = ریکارڈ جیسا محفوظ ہے
dash-no-document = کوئی ریکارڈ محفوظ نہیں: یہ بطور فیصلہ یا کیپچر سے آیا۔
dash-download = ریکارڈ ڈاؤن لوڈ کریں (JSON)

dash-captures-lead = سرورز کی کیپچرز میں رابطوں کے ساتھ کیا ہوا۔ صرف نتائج محفوظ ہیں، اس لیے ان سے شرح نہیں بن سکتی؛ صارفین صرف نیٹ ورک تک دکھائے جاتے ہیں۔
dash-no-captures = آرکائیو میں کیپچرز نہیں۔
dash-found = کیا ملا
dash-devices-lead = آرکائیو میں جعلی صفحات اور جوابات اُن آلات کے بارے میں کیا کہنے دیتے ہیں جنہوں نے وہ بھیجے، نیٹ ورک بہ نیٹ ورک۔
dash-devices-limits = صرف صفحات اور جوابات سے آلے کا نام طے نہیں ہوتا: زیادہ سے زیادہ وہ اس سے مطابقت رکھتے ہیں۔ قانونی نگرانی کے نظام باہر سے پہچانے نہیں جا سکتے۔
dash-no-devices = آرکائیو میں کچھ بھی کسی آلے کے بارے میں نہیں بتاتا۔
dash-candidates = مطابقت رکھتا ہے
dash-what-may-be-said = کیا کہا جا سکتا ہے

dash-compare-lead = دو نیٹ ورکس یا ممالک ساتھ ساتھ؛ یا ایک ہی دو بار، مختلف دنوں میں۔
dash-compare-do = موازنہ کریں
dash-compare-counts = دونوں طرف ناپے گئے ناموں میں: { $both } دونوں پر بند، { $a } صرف پہلے پر، { $b } صرف دوسرے پر۔
dash-side-a = پہلا
dash-side-b = دوسرا
dash-blocked-a = پہلا: بند
dash-blocked-b = دوسرا: بند
dash-all-a = پہلا: کل
dash-all-b = دوسرا: کل
dash-differences = نام جن کی حالت مختلف ہے
dash-no-differences = کسی نام کی حالت دوسری طرف مختلف نہیں۔

dash-search-lead = ہوسٹ نام کا حصہ، نیٹ ورک کا نمبر یا نام، یا ملک کے دو حروف۔
dash-nothing-found = کچھ نہیں ملا۔ جو کبھی ناپا نہیں گیا وہ یہاں نہیں۔
dash-more-hits = اور بھی ہیں: مزید لکھیں۔
dash-lists-lead = فہرست کے کون سے نام بند ہیں، اور کہاں۔
dash-list-label = نام یا صفحات کے پتے، ہر سطر میں ایک
dash-list-kept-nowhere = فہرست صرف اس جواب کے لیے ہے اور کہیں محفوظ نہیں ہوتی۔ زیادہ سے زیادہ ۵٬۰۰۰ سطریں۔
dash-list-do = دیکھیں
dash-list-result = فہرست کے نام
dash-list-unknown =
    { $count ->
        [one] فہرست کا { $count } نام کبھی ناپا نہیں گیا۔
       *[other] فہرست کے { $count } نام کبھی ناپے نہیں گئے۔
    }
dash-blocked-in = کہاں بند
dash-categories = زمرے
dash-category = زمرہ

dash-status-lead = آرکائیو کس پر قائم ہے: پڑھی گئی فائلیں، فیصلہ کن اصول، اور وہ دن جب کوئی پیمائش نہیں ہوئی۔
dash-gaps = بغیر پیمائش کے دن
dash-no-gaps = پہلے اور آخری دن کے درمیان ایسا کوئی دن نہیں۔
dash-first-day = پہلا دن
dash-last-day = آخری دن
dash-days = دن
dash-formats = فائلیں قسم کے لحاظ سے
dash-format = قسم
dash-files = فائلیں
dash-file = فائل
dash-bytes = بائٹس
dash-records = ریکارڈ
dash-refused = مسترد
dash-sha256 = SHA-256
dash-versions = فیصلہ کرنے والے ورژن
dash-judged-with = کس سے فیصلہ ہوا
dash-sources = پڑھی گئی فائلیں
dash-uncounted = { $count } فیصلے یہاں شمار نہیں کیونکہ نیٹ ورکس بہت زیادہ ہیں۔

dash-method-lead = فیصلہ کیسے ہوتا ہے۔ نیچے دیے گئے اصول اسی پروگرام کے ہیں جس نے فیصلہ کیا، ورژن کے ساتھ۔
dash-method-states = جدول کی کسی جگہ کو بند کہا جاتا ہے جب بتانے والی پیمائشوں کا کم از کم نصف یہی کہے، بیسویں حصے سے جزوی بند، اور خود خراب جب کم از کم نصف کہیں کہ ہدف خود ناکام ہوا۔ جہاں کچھ معلوم نہ ہو وہاں دھاریاں ہیں: یہ قابلِ رسائی کے برابر نہیں۔
dash-method-vantages = مقامات ۶۴ بٹ کے خاکے سے گنے جاتے ہیں: ۴۰ تک تقریباً دسویں حصے کی درستی۔ واقعات انہیں ٹھیک گنتے ہیں۔
dash-method-confidence = اعتماد ثبوت کا درجہ ہے، احتمال نہیں: زیادہ جب دو آزاد شواہد متفق ہوں یا ثبوت ہو۔ بند پیمائشوں میں سب سے زیادہ دکھایا جاتا ہے۔
dash-limits = کیا نہیں کہا جا سکتا
dash-limit-interception = کوئی سن رہا ہے یا نہیں: نگرانی ایسا نشان نہیں چھوڑتی جو باہر سے ناپا جا سکے۔
dash-limit-where = آلہ ٹھیک کہاں ہے، جب تک یہ ناپا نہ گیا ہو۔
dash-limit-who = بندش کا حکم کس نے دیا اور کیوں۔
dash-limit-vantage = جو لوگ مقامات میں شامل نہ تھے وہ کیا دیکھتے ہیں۔
dash-mechanisms = طریقوں کے الفاظ
dash-in-words = الفاظ میں
dash-says = کیا کہتا ہے
dash-rules = اصول
dash-rules-lead = انگریزی میں، جیسے پروگرام میں ہیں۔
dash-stands-on = کس پر قائم ہے
dash-false-positives = معلوم غلط نتائج

dash-mechanism-dns-injection-blockpage = نام کے جواب میں بندش کے صفحے کا پتہ
dash-mechanism-dns-injection-bogon = نام کے جواب میں ناممکن پتہ
dash-mechanism-dns-injection-other = نام کا جھوٹا جواب
dash-mechanism-dns-nxdomain = کہا گیا کہ نام موجود نہیں
dash-mechanism-dns-refused = ریزالور نے نام سے انکار کیا
dash-mechanism-dns-timeout = نام کا کوئی جواب نہیں
dash-mechanism-tcp-reset = رابطہ توڑا گیا
dash-mechanism-tcp-timeout = رابطے کا جواب نہیں
dash-mechanism-tcp-refused = رابطے سے انکار
dash-mechanism-tls-reset-sni = TLS میں نام کی وجہ سے توڑا گیا
dash-mechanism-tls-reset-other = TLS کے دوران توڑا گیا
dash-mechanism-tls-timeout = TLS کا جواب نہیں
dash-mechanism-tls-close = TLS کے دوران بند کیا گیا
dash-mechanism-tls-mitm-self-signed = جعلی سرٹیفکیٹ (خود دستخط شدہ)
dash-mechanism-tls-throttle-sni = TLS میں نام کی وجہ سے سست کیا گیا
dash-mechanism-http-blockpage = بندش کا صفحہ
dash-mechanism-http-redirect = دوسرے صفحے پر بھیجا گیا
dash-mechanism-http-timeout = صفحے کا جواب نہیں
dash-mechanism-http-reset-host = HTTP میں ہوسٹ کی وجہ سے توڑا گیا
dash-mechanism-quic-timeout-sni = نام کی وجہ سے QUIC روکا گیا
dash-mechanism-ip-unreachable = پتے تک رسائی نہیں
dash-mechanism-app-blocked = ایپلیکیشن رابطہ نہیں کر سکتی
dash-mechanism-tunnel-blocked = سرنگ رابطہ نہیں کر سکتی
dash-mechanism-shutdown = کوئی رابطہ نہیں
dash-mechanism-server-down = ہدف خود بند ہے

dash-and = { "؛ " }
dash-comma = { "، " }
